import { type LoggerService } from '@nestjs/common';
import { type Clock, type Timer } from '../timing/clock.js';
import { type Loop } from './loop.js';
import { FAILING_AFTER } from './worker-status.js';

/**
 * Limits of the pace at which all workers are checked for stale ones, which is their shortest interval. New workers
 * are checked after the lower limit. Milliseconds.
 */
const LOOK_EVERY = { atLeast: 5_000, atMost: 3_600_000 };
/** Workers that are checked in one turn of the event loop: a cron expression takes some microseconds. */
const LOOKED_AT_TOGETHER = 250;

/**
 * Logs once when a condition of a worker begins and once when it ends. In a cluster one replica does: the one whose
 * run ended, and for `stale` the first in line. `Execution` logs `stuck`. With `IncidentsModule` this logs nothing,
 * as incidents are logged.
 */
export class ConditionLog {
  private readonly stale = new Set<string>();
  private timer?: Timer;
  private active = false;
  private pace = LOOK_EVERY.atLeast;

  constructor(
    /** The current loops, in a new array. */
    private readonly loops: () => Loop[],
    private readonly clock: Clock,
    private readonly logger: Required<Pick<LoggerService, 'log' | 'warn'>>,
    /** `judged`: whether incidents are logged instead. */
    private readonly events: { readonly judged: boolean } = { judged: false },
  ) {}

  /**
   * Checks the workers from now on. Not under a test runner's fake timers: there a timer of ours would be one more
   * pending timer of the test, and `runAllTimers` would never end.
   */
  start(): void {
    if (this.clock.fake) return;
    this.active = true;
    this.wait(LOOK_EVERY.atLeast);
  }

  stop(): void {
    this.active = false;
    this.timer?.cancel();
    this.stale.clear();
  }

  /** Call it when a worker is new or has another schedule. */
  heed(): void {
    if (!this.active || this.pace <= LOOK_EVERY.atLeast) return;
    this.timer?.cancel();
    this.wait(LOOK_EVERY.atLeast);
  }

  /** Call it when the end of a run has changed the number of failures in a row. */
  failures(worker: string, before: number, after: number, lastError: string | undefined): void {
    if (before < FAILING_AFTER && after >= FAILING_AFTER)
      this.warn(
        `Worker "${worker}" is failing: ${after} runs in a row did not succeed` +
          (lastError === undefined ? '' : `, the last with: ${lastError}`),
      );
    else if (before >= FAILING_AFTER && after === 0)
      this.log(`Worker "${worker}" is no longer failing: a run succeeded after ${before} that did not`);
  }

  private wait(pace: number): void {
    // Under a test runner's fake timers "run all timers" would never end.
    if (this.clock.fake) return;
    this.pace = pace;
    this.timer = this.clock.setTimer(() => this.look(this.loops()), pace, true);
  }

  /** @param pace the shortest interval of the workers that were checked before, in milliseconds */
  private look(left: Loop[], pace = LOOK_EVERY.atMost): void {
    for (const loop of left.splice(0, LOOKED_AT_TOGETHER)) {
      this.lookAt(loop);
      pace = Math.min(pace, paceOf(loop, this.clock.now()));
    }
    if (left.length > 0) this.timer = this.clock.setTimer(() => this.look(left, pace), 0, true);
    else this.wait(pace);
  }

  private lookAt({ stale, speaks, definition: { name } }: Loop): void {
    if (stale === this.stale.has(name)) return;
    if (stale) this.stale.add(name);
    else this.stale.delete(name);
    if (!speaks) return;
    if (stale)
      this.warn(`Worker "${name}" is stale: no run has ended for more than three intervals and its timeout`);
    else this.log(`Worker "${name}" is no longer stale`);
  }

  /** The application's logger may throw, which must not end the checks. */
  private warn(text: string): void {
    if (this.events.judged) return;
    try {
      this.logger.warn(text);
    } catch {
      // There is nowhere else to log it.
    }
  }

  private log(text: string): void {
    if (this.events.judged) return;
    try {
      this.logger.log(text);
    } catch {
      // As above.
    }
  }
}

function paceOf({ timing: { interval, schedule } }: Loop, now: number): number {
  if (!schedule) return LOOK_EVERY.atMost;
  const gap = interval || schedule.next(schedule.next(now)) - schedule.next(now);
  // NaN when fewer than two slots are left.
  return gap <= LOOK_EVERY.atMost ? Math.max(gap, LOOK_EVERY.atLeast) : LOOK_EVERY.atMost;
}
