import { type Clock, type Timer } from '../../core/timing/clock.js';
import { type HeldSchedule } from './held-schedule.js';
import { type ScheduleClaim } from './schedule.store.js';
import { type ScheduledHandler } from './scheduled-handlers.js';

/** Most schedules of one handler that a replica claims at a time, and that wait there besides those that run. */
const MOST_HELD = 4_000;
/** Characters of the payloads of these, about; what runs is not counted. */
const MOST_CHARACTERS = 16_000_000;
/** Over how many claims the length of a payload is averaged. */
const AVERAGED = 64;
/** Milliseconds: what ended in that time is about what will end in the next. */
const MEASURED = 1_000;
/** From this claim of a turn on its runs are started one at a time, so that one that ends its process is found. */
const ALONE_FROM = 3;

/**
 * The claimed schedules of one handler on this replica. They start in the order in which they are due, as far as the concurrency of
 * the handler and that of each group allow it. Twice as many are claimed ahead as ended in the last second: with slow runs what waits is left to other replicas.
 */
export class HandlerLane {
  /** Claimed ahead of their time. */
  private readonly ahead = new Map<HeldSchedule, Timer>();
  private readonly waiting = new Set<HeldSchedule>();
  private readonly activeOf = new Map<string, number>();
  private readonly heldOf = new Map<string, number>();
  private active = 0;
  private alone = 0;
  private held = 0;
  /** Characters of a payload, averaged. */
  private length = 0;
  private ended = 0;
  private endedBefore = 0;
  private since: number;

  constructor(
    readonly handler: ScheduledHandler,
    private readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>,
    private readonly start: (held: HeldSchedule) => void,
  ) {
    this.since = clock.monotonic();
  }

  /** How many more it takes at once. */
  get room(): number {
    const { concurrency } = this.handler;
    const most = Math.min(MOST_HELD, Math.floor(MOST_CHARACTERS / this.length));
    const ahead = Math.min(most, Math.max(concurrency, 2 * this.pace()));
    return Math.min(most, Math.max(0, concurrency + ahead - this.held));
  }

  /** Groups of which it holds as many as may run. */
  get fullGroups(): string[] {
    return [...this.heldOf].flatMap(([group, held]) =>
      held >= this.handler.groupConcurrency ? [group] : [],
    );
  }

  claimed({ group, payload }: ScheduleClaim): void {
    this.held++;
    this.length += ((payload?.length ?? 0) - this.length) / AVERAGED;
    if (group !== null) this.heldOf.set(group, (this.heldOf.get(group) ?? 0) + 1);
  }

  /** Its result is stored, or void. */
  released({ group }: ScheduleClaim): void {
    this.held--;
    if (group === null) return;
    const others = this.heldOf.get(group)! - 1;
    if (others > 0) this.heldOf.set(group, others);
    else this.heldOf.delete(group);
  }

  /**
   * Starts a schedule when it is due and there is a place.
   * @param dueIn milliseconds from now
   */
  add(held: HeldSchedule, dueIn: number): void {
    if (dueIn <= 0) return this.ready(held);
    const timer = this.clock.setTimer(() => {
      this.ahead.delete(held);
      this.ready(held);
    }, dueIn);
    this.ahead.set(held, timer);
  }

  /** It is never started. @returns false when it has been already */
  drop(held: HeldSchedule): boolean {
    this.ahead.get(held)?.cancel();
    return this.ahead.delete(held) || this.waiting.delete(held);
  }

  /** Those that have not started, from then on never started. */
  clear(): HeldSchedule[] {
    return [...this.ahead.keys(), ...this.waiting].filter((held) => this.drop(held));
  }

  /** Its run has ended, or there was none. */
  left({ claim }: HeldSchedule): void {
    this.active--;
    this.ended++;
    if (claim.claims >= ALONE_FROM) this.alone--;
    const { group } = claim;
    if (group !== null) {
      const others = this.activeOf.get(group)! - 1;
      if (others > 0) this.activeOf.set(group, others);
      else this.activeOf.delete(group);
    }
    this.pump();
  }

  private ready(held: HeldSchedule): void {
    this.waiting.add(held);
    this.pump();
  }

  private pump(): void {
    for (const held of this.waiting) {
      if (this.active >= this.handler.concurrency) return;
      const { group, claims } = held.claim;
      const ofGroup = group === null ? 0 : (this.activeOf.get(group) ?? 0);
      if (ofGroup >= this.handler.groupConcurrency || (claims >= ALONE_FROM && this.alone > 0)) continue;
      this.waiting.delete(held);
      this.active++;
      if (claims >= ALONE_FROM) this.alone++;
      if (group !== null) this.activeOf.set(group, ofGroup + 1);
      this.start(held);
    }
  }

  private pace(): number {
    const now = this.clock.monotonic();
    const passed = now - this.since;
    if (passed >= MEASURED) {
      this.endedBefore = passed >= 2 * MEASURED ? 0 : this.ended;
      this.ended = 0;
      this.since = now;
    }
    return Math.max(this.ended, this.endedBefore);
  }
}
