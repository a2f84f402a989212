import { type Row } from '../../../src/modules/schedules/in-memory-schedule.row.js';
import { type ScheduleTiming } from '../../../src/modules/schedules/schedule.js';
import { ScheduleSlots } from '../../../src/modules/schedules/schedule-slots.js';
import {
  type ClaimId,
  type ScheduleClaim,
  type ScheduleResult,
} from '../../../src/modules/schedules/schedule.store.js';
import { type ScheduledContext } from '../../../src/modules/schedules/scheduled.decorator.js';
import { type Process, Violation } from '../observer.js';
import { type StoreClock } from '../store-clock.js';
import { instant, type Trace } from '../trace.js';
import { type World } from '../world.js';
import { type HandlerPlan } from './plan.js';

/** What a run is told apart by that began before its schedule was removed and made anew. */
export interface Running {
  readonly process: Process;
  readonly context: ScheduledContext;
  readonly incarnation: number;
}

/** What was seen of a schedule since it was made. */
class Ledger {
  token = 0;
  /** Until when a claim is held, by the store's clock; undefined when none is. */
  leaseUntil?: number | undefined;
  /** Whether the claim with that token was handed out while it was paused, and nobody had asked for a run. */
  readonly pausedClaims = new Set<number>();
  /** The claim that somebody has cancelled, while its slot is not over; undefined when there is none, or a run by hand has come between. */
  cancelled?: { readonly token: number; readonly revision: number } | undefined;
  /** Slots whose success is recorded, by revision. */
  readonly succeeded = new Set<string>();
  turns = 0;
  runs = 0;
  failures = 0;
  missed = 0;

  constructor(readonly incarnation: number) {}
}

/** Sees all that happens at the store and in the runs, and holds it against what schedules promise. */
export class ScheduleObserver {
  violation?: Violation;
  completions = 0;
  lateResults = 0;
  private readonly ledgers = new Map<string, Ledger>();
  private readonly running = new Set<Running>();
  /** By token: what the run of that claim was for, once it has begun. */
  private readonly begun = new Map<number, ScheduledContext>();
  private made = 0;
  private newestToken = 0;

  constructor(
    private readonly world: World,
    private readonly time: StoreClock,
    private readonly trace: Trace,
    private readonly lease: number,
  ) {}

  violate(what: string): void {
    if (this.violation) return;
    this.violation = new Violation(what);
    this.trace.note('!!', () => what);
    this.world.over = true;
  }

  created({ handler, key }: ScheduleId): void {
    this.ledgers.set(nameOf({ handler, key }), new Ledger(++this.made));
  }

  /** It has another timing, and its slots are counted anew. */
  changed(id: ScheduleId): void {
    this.ledgerOf(id).turns = 0;
  }

  granted(claim: ScheduleClaim, paused: boolean, horizon: number): void {
    const { token, key } = claim;
    const ledger = this.ledgerOf(claim);
    const now = this.time.now();
    if (token <= this.newestToken) this.violate(`${key}: token ${token} was given after ${this.newestToken}`);
    this.newestToken = Math.max(this.newestToken, token);
    if (ledger.leaseUntil !== undefined && ledger.leaseUntil > now + horizon)
      this.violate(
        `${key}: token ${token} was given while the lease of ${ledger.token} stood until ${instant(ledger.leaseUntil)}`,
      );
    ledger.token = token;
    ledger.leaseUntil = claim.lease.getTime();
    if (paused && claim.triggeredAt === null) ledger.pausedClaims.add(token);
  }

  /** Somebody has cancelled what is claimed. */
  cancelled({ handler, key, token, turn, triggeredAt, revision }: Row): void {
    const ledger = this.ledgerOf({ handler, key });
    const context = this.begun.get(token);
    if (triggeredAt === null && turn && revision < token && context?.trigger !== 'manual')
      ledger.cancelled ??= { token, revision };
  }

  renewed(token: number, id: ClaimId, until: number): void {
    const ledger = this.ledgerOf(id);
    if (ledger.token !== token || ledger.leaseUntil === undefined)
      this.violate(`${id.key}: token ${token} was renewed, and the claim is of ${ledger.token}`);
    ledger.leaseUntil = until;
  }

  /** A result that was accepted. */
  settled({ claim, run, turns, missed }: ScheduleResult, before: Row, after: Row): void {
    const { key, token, revision } = claim;
    const ledger = this.ledgerOf(claim);
    if (ledger.token !== token || ledger.leaseUntil === undefined)
      this.violate(`${key}: a result of token ${token} was taken, and the claim is of ${ledger.token}`);
    ledger.leaseUntil = undefined;
    const triesAgain =
      turns === 0 && after.turn && (after.attempt > 1 || after.turn.slot === before.turn?.slot);
    if (before.triggeredAt !== null || before.revision !== revision || !triesAgain)
      ledger.cancelled = undefined;
    const context = this.begun.get(token);
    const current = before.revision === revision;
    if (current) ledger.turns += turns;
    ledger.missed += missed;
    if (run && run.outcome !== 'unknown_handler') ledger.runs++;
    if (run && ['failed', 'timed_out', 'lost'].includes(run.outcome)) ledger.failures++;
    for (const count of ['turns', 'runs', 'failures', 'missed'] as const)
      if (after[count] !== ledger[count])
        this.violate(`${key}: the row says ${after[count]} ${count}, and ${ledger[count]} were told`);
    if (run?.outcome === 'succeeded') this.succeeded(claim, context, ledger);
    if (current) this.everySlotCounts(claim, before, after, turns + missed);
  }

  /** Whether a run may keep what it wrote. */
  asserted(id: ClaimId): void {
    const { token } = this.ledgerOf(id);
    if (token !== id.token)
      this.violate(`${id.key}: the write of token ${id.token} was let pass after ${token} was given`);
  }

  began(process: Process, context: ScheduledContext, plan: HandlerPlan, row: Row | undefined): Running {
    const { key, group, attempt, worker, fencingToken } = context;
    const running = {
      process,
      context,
      incarnation: this.ledgers.get(nameOf({ handler: worker, key }))?.incarnation ?? 0,
    };
    this.running.add(running);
    this.begun.set(fencingToken!, context);
    this.trace.note(process.label, () => `runs ${describe(context)}`);
    if (attempt > plan.rules.maxAttempts)
      this.violate(`${key}: attempt ${attempt} was begun, and there are ${plan.rules.maxAttempts}`);
    const cancelled = row && this.ledgerOf({ handler: worker, key }).cancelled;
    if (cancelled && context.slot && fencingToken! > cancelled.token && row.revision === cancelled.revision)
      this.violate(
        `${key}: a slot was run by token ${fencingToken} that was cancelled under ${cancelled.token}`,
      );
    if (row && this.ledgerOf({ handler: worker, key }).pausedClaims.has(fencingToken!))
      this.violate(`${key}: a slot was run that was claimed in a pause`);
    const here = [...this.running].filter(
      (other) => other.process === process && other.context.worker === worker,
    );
    const ofGroup = here.filter((other) => group !== undefined && other.context.group === group);
    if (here.length > plan.rules.concurrency)
      this.violate(`${worker}: ${here.length} runs at a time on ${process.label}`);
    if (ofGroup.length > plan.rules.groupConcurrency)
      this.violate(`${worker}: ${ofGroup.length} runs of group ${group} at a time on ${process.label}`);
    this.overlaps();
    return running;
  }

  /** The run of that claim, while its code is being executed. */
  active(token: number): Running | undefined {
    return [...this.running].find(({ context }) => context.fencingToken === token);
  }

  ended(running: Running, how: string): void {
    if (!this.running.delete(running)) return;
    this.trace.note(running.process.label, () => `${how} ${describe(running.context)}`);
  }

  /** Its process is gone, and what ran there with it. */
  gone(process: Process): void {
    for (const run of this.running) if (run.process === process) this.running.delete(run);
  }

  /** To be called whenever a process may have begun to run something, or goes on. */
  overlaps(): void {
    // Who holds a lease by a clock that was set forward learns of it with the next renewal.
    if (this.world.now - this.time.jumpedForwardAt <= this.lease) return;
    const seen = new Map<string, Running>();
    for (const run of this.running) {
      const { process, context, incarnation } = run;
      if (!process.alive || process.paused || context.signal.aborted) continue;
      const name = `${context.worker} ${context.key} ${incarnation}`;
      const other = seen.get(name);
      if (other)
        this.violate(
          `${context.key} runs twice at a time: ${[other, run].map((one) => `${one.process.label} token ${one.context.fencingToken}`).join(', ')}`,
        );
      seen.set(name, run);
    }
  }

  private succeeded(
    { key, revision, token }: ScheduleClaim | ScheduleResult['claim'],
    context: ScheduledContext | undefined,
    ledger: Ledger,
  ): void {
    if (!context) return this.violate(`${key}: token ${token} succeeded, and no run of it began`);
    if (!context.slot) return;
    const slot = `${revision} ${context.slot.getTime()}`;
    if (ledger.succeeded.has(slot))
      this.violate(`${key}: slot ${instant(context.slot.getTime())} succeeded twice`);
    ledger.succeeded.add(slot);
    this.completions++;
  }

  /** Each slot from the one turn to the next has had its runs, or counts as missed. */
  private everySlotCounts({ handler, key }: ScheduleId, before: Row, after: Row, counted: number): void {
    if (!before.turn) return;
    const timing = JSON.parse(before.timing) as ScheduleTiming;
    const slots = new ScheduleSlots({ handler, key }, timing);
    if (after.turn) {
      const passed = slots.count(before.turn.slot, after.turn.slot);
      if (passed !== counted)
        this.violate(`${key}: ${passed} slots have passed, and ${counted} were run or missed`);
    } else if (after.turns < (timing.limit ?? Infinity)) {
      let left = 1;
      let turn = slots.after(before.turn.slot);
      for (; turn && left <= counted; left++) turn = slots.after(turn.slot);
      if (turn || left !== counted)
        this.violate(`${key}: it has ended, with slots that were neither run nor missed`);
    }
  }

  private ledgerOf(id: ScheduleId): Ledger {
    const ledger = this.ledgers.get(nameOf(id));
    if (!ledger) throw new Error(`nobody made ${id.key}`);
    return ledger;
  }
}

type ScheduleId = Pick<ClaimId, 'handler' | 'key'>;

export function nameOf({ handler, key }: ScheduleId): string {
  return `${handler} ${key}`;
}

function describe({ worker, key, slot, attempt, trigger, fencingToken }: ScheduledContext): string {
  return `${worker} ${key} token ${fencingToken} ${trigger}${slot ? ` slot ${instant(slot.getTime())}` : ''} attempt ${attempt}`;
}
