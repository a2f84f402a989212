import { waitAfter } from '../../core/scheduler/backoff.js';
import { type ScheduleTiming } from './schedule.js';
import { type ScheduleClaim, type ScheduleResult, type ScheduleRun, type Turn } from './schedule.store.js';
import { type ScheduledHandler } from './scheduled-handlers.js';
import { ScheduleSlots } from './schedule-slots.js';

/** A claim that is to be run now. */
export interface StartingTurn {
  /** Null for a run by hand. */
  readonly slot: number | null;
  readonly attempt: number;
  /** Slots that a newer one has overtaken. */
  readonly missed: number;
}

type Rules = Pick<ScheduledHandler, 'overlap' | 'backoff' | 'maxAttempts'>;

/**
 * What a claimed schedule does now, and what its run comes to. Pure: instants come in as milliseconds of the store's time.
 *
 *  - Of the slots that have come only the latest is run, unless it is older than `catchUp`.
 *  - A slot that is run has had its turn, unless the run failed or did not end: then it is tried again, as long as it has attempts.
 *  - A run by hand moves no slot.
 */
export class ClaimedTurn {
  private read?: { readonly timing: ScheduleTiming; readonly slots: ScheduleSlots };

  constructor(
    private readonly claim: ScheduleClaim,
    private readonly rules: Rules,
  ) {}

  /** @returns what to run, or what the claim comes to without a run */
  start(now: number): StartingTurn | ScheduleResult {
    const { claim } = this;
    const { turn, attempt } = claim;
    if (claim.triggeredAt !== null) return { slot: null, attempt: 1, missed: 0 };
    // It was changed or paused while an earlier claim was active.
    if (turn === null || claim.paused || turn.plannedAt > now + 1) return this.result({ turn, attempt });
    const moved = attempt === 1 ? this.slots.postponed(turn.slot) : null;
    if (moved) return this.result({ turn: moved });
    const slot = this.slots.latestDue(turn.slot, now);
    const missed = this.slots.count(turn.slot, slot);
    // Behind its jitter, and behind the wait after a failure, it is not late.
    const due = attempt > 1 && slot === turn.slot ? turn.plannedAt : this.slots.dueAt(slot);
    if (now - due > (this.timing.catchUp ?? Infinity))
      return this.result({
        turn: this.slots.after(Math.max(slot, now)),
        missed: missed + this.slots.count(slot, now) + 1,
      });
    return { slot, attempt: slot === turn.slot ? attempt : 1, missed };
  }

  /** When the signal of its run is to abort, with overlap `cancelRunning`; undefined when nothing follows. */
  get cancelAt(): number | undefined {
    const { turn } = this.claim;
    return this.rules.overlap === 'cancelRunning' && turn
      ? this.slots.after(turn.slot)?.plannedAt
      : undefined;
  }

  /** What its run comes to. */
  ended({ slot, attempt, missed }: StartingTurn, run: ScheduleRun, now: number): ScheduleResult {
    const { claim, rules } = this;
    // By hand: its turn is still to come, also if it has passed in the meantime.
    if (slot === null) {
      const result = this.besideSlots(run);
      // One that was cut off is still asked for.
      return run.outcome === 'aborted' ? { ...result, claim: { ...claim, triggeredAt: null } } : result;
    }
    if (run.outcome === 'aborted')
      return this.result({ turn: { slot, plannedAt: now }, attempt: attempt + 1, missed, run });
    if (run.outcome === 'succeeded' || run.outcome === 'cancelled')
      return this.moveOn(slot, now, { missed, run });
    const retryAt = now + waitAfter(claim.consecutiveFailures + 1, rules.backoff);
    if (attempt < rules.maxAttempts)
      return this.result({ turn: { slot, plannedAt: retryAt }, attempt: attempt + 1, missed, run });
    return this.moveOn(slot, now, { missed, run }, retryAt);
  }

  /** Its replica died in each of its attempts. */
  lost({ slot, attempt, missed }: StartingTurn, now: number): ScheduleResult | undefined {
    if (attempt <= this.rules.maxAttempts) return undefined;
    const run: ScheduleRun = {
      outcome: 'lost',
      startedAt: now,
      endedAt: now,
      error: `Its replica ended in mid-run, in attempt ${attempt - 1}: it is not tried again`,
    };
    if (slot === null) return this.besideSlots(run);
    const retryAt = now + waitAfter(this.claim.consecutiveFailures + 1, this.rules.backoff);
    return this.moveOn(slot, now, { missed, run }, retryAt);
  }

  /** Somebody has cancelled it before its run started: a slot has had its turn, also one that is still to come. */
  cancelled(run: ScheduleRun, now: number): ScheduleResult {
    const { turn, attempt, triggeredAt, paused } = this.claim;
    if (triggeredAt !== null) return this.besideSlots(run);
    // It was changed or paused meanwhile.
    if (turn === null || paused) return this.result({ turn, attempt });
    const slot = this.slots.latestDue(turn.slot, now);
    return this.moveOn(slot, now, { missed: this.slots.count(turn.slot, slot), run });
  }

  /** Its timing cannot be read: nobody knows its next slot, and somebody may write it again. */
  unreadable(error: string, now: number): ScheduleResult {
    const { turn, attempt, consecutiveFailures } = this.claim;
    const plannedAt = now + waitAfter(consecutiveFailures + 1, this.rules.backoff);
    const run: ScheduleRun = { outcome: 'failed', startedAt: now, endedAt: now, error };
    return this.result({ turn: turn && { slot: turn.slot, plannedAt }, attempt, run });
  }

  /** It was not started, and another replica may. */
  givenBack(): ScheduleResult {
    const { turn, attempt, claims } = this.claim;
    return {
      ...this.result({ turn, attempt }),
      claims: claims - 1,
      claim: { ...this.claim, triggeredAt: null },
    };
  }

  /** What a run by hand comes to. Its attempts after a lost one were counted in place of the slot's, which get all of theirs again. */
  private besideSlots(run: ScheduleRun): ScheduleResult {
    const { turn, attempt, claims } = this.claim;
    return this.result({ turn, attempt: claims > 1 ? 1 : attempt, run });
  }

  private get timing(): ScheduleTiming {
    return this.definition.timing;
  }

  private get slots(): ScheduleSlots {
    return this.definition.slots;
  }

  /** Read when it is asked for: what is given back, or run by hand, needs none. @throws Error when it cannot be read */
  private get definition(): NonNullable<ClaimedTurn['read']> {
    if (!this.read) {
      const timing = JSON.parse(this.claim.timing) as ScheduleTiming;
      this.read = { timing, slots: new ScheduleSlots(this.claim, timing) };
    }
    return this.read;
  }

  private moveOn(
    slot: number,
    now: number,
    { missed, run }: { missed: number; run: ScheduleRun },
    notBefore = -Infinity,
  ): ScheduleResult {
    const turns = this.claim.turns + 1;
    if (turns >= (this.timing.limit ?? Infinity)) return this.result({ turn: null, missed, turns: 1, run });
    // What came while it was active is run next, or left out.
    const over = this.rules.overlap === 'skip' ? this.slots.latestDue(slot, now) : slot;
    const next = this.slots.after(over);
    return this.result({
      turn: next && { slot: next.slot, plannedAt: Math.max(next.plannedAt, notBefore) },
      missed: missed + this.slots.count(slot, over),
      turns: 1,
      run,
    });
  }

  private result({
    turn,
    attempt = 1,
    missed = 0,
    turns = 0,
    run,
  }: {
    turn: Turn | null;
    attempt?: number;
    missed?: number;
    turns?: number;
    run?: ScheduleRun;
  }): ScheduleResult {
    return { claim: this.claim, turn, attempt, claims: 0, missed, turns, ...(run && { run }) };
  }
}
