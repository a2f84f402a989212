import { Logger } from '@nestjs/common';
import { waitAfter } from '../../core/scheduler/backoff.js';
import { type Clock } from '../../core/timing/clock.js';
import { type ScheduleClaim, type ScheduleResult, type ScheduleStore } from './schedule.store.js';
import { type StoreTime } from './store-time.js';

/** Milliseconds between two times that a replica says which handlers it has: several of these in the half minute that it counts. */
const EVERY = 10_000;
const PRUNE_EVERY = 60_000;
/** Of each unknown handler at a time. Each is looked at again after its wait, and nothing else is delayed. */
const MOST_UNKNOWN = 500;
/** Shorter than after failures: a deploy may bring the handler back at any time. */
const UNKNOWN_BACKOFF = { initial: 30_000, max: 600_000, factor: 2 };

/** What has to be done now and then: asks for the time, says which handlers this replica has, marks schedules that have none, deletes what ended long ago. */
export class ScheduleKeeper {
  private static readonly logger = new Logger('Schedules');
  private lastTold = -Infinity;
  private lastPruned: number;
  private readonly warned = new Set<string>();

  /** @param keepEnded milliseconds */
  constructor(
    private readonly store: ScheduleStore,
    private readonly clock: Clock,
    private readonly options: { replica: string; lease: number; keepEnded: number },
  ) {
    // Not at the start, when other replicas may do so too.
    this.lastPruned = clock.monotonic();
  }

  async look(handlers: readonly string[], time: StoreTime): Promise<void> {
    const now = this.clock.monotonic();
    if (now - this.lastTold >= EVERY) {
      await time.ask();
      if (handlers.length > 0) await this.store.know(handlers);
      await this.markUnknown();
      this.lastTold = now;
    }
    if (now - this.lastPruned >= PRUNE_EVERY) {
      while ((await this.store.prune(this.options.keepEnded)) >= 1_000);
      this.lastPruned = now;
    }
  }

  private async markUnknown(): Promise<void> {
    const unknown = await this.store.unknownHandlers();
    if (unknown.length === 0) return;
    const { replica, lease } = this.options;
    const limits = new Map(unknown.map((handler) => [handler, MOST_UNKNOWN]));
    const { claims, now } = await this.store.claim({ limits, horizon: 0, lease, replica });
    for (const { handler } of claims) {
      if (this.warned.has(handler)) continue;
      this.warned.add(handler);
      ScheduleKeeper.logger.warn(
        `There are schedules of "${handler}", and no replica has such a handler: they wait until one has, or are removed`,
      );
    }
    if (claims.length > 0)
      await this.store.settle(claims.map((claim) => withoutHandler(claim, now.getTime())));
  }
}

function withoutHandler(claim: ScheduleClaim, now: number): ScheduleResult {
  const { turn, attempt, handler } = claim;
  const wait = waitAfter(claim.consecutiveFailures + 1, UNKNOWN_BACKOFF);
  return {
    claim,
    turn: turn && { slot: turn.slot, plannedAt: now + wait },
    attempt,
    claims: 0,
    missed: 0,
    turns: 0,
    run: {
      outcome: 'unknown_handler',
      startedAt: now,
      endedAt: now,
      error: `No replica has a handler "${handler}": start one with @Scheduled('${handler}'), or remove the schedule`,
    },
  };
}
