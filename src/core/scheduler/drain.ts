import { setImmediate } from 'node:timers';
import { RunAbortedError } from '../execution/execution.errors.js';
import { type Execution } from '../execution/execution.js';
import { atMost } from '../timing/at-most.js';
import { type Clock } from '../timing/clock.js';
import { type Duration, parseDuration } from '../timing/duration.js';

/** How long a shutdown waits for runs. */
export interface DrainOptions {
  /** For runs to end by themselves. Default 10 s. */
  timeout?: Duration | undefined;
  /** For runs to end after their signal has aborted. Default 5 s. */
  abortGrace?: Duration | undefined;
  /**
   * For the whole shutdown: runs, what is told of them, the last records, the connections. What is not through by then is
   * left. At least `timeout` and `abortGrace` together. Default: 10 s more than these, 25 s.
   */
  deadline?: Duration | undefined;
}

/** Of the default deadline, what is left when every run is over: for the coordination and the history. */
const FOR_THE_REST = 10_000;

/** Milliseconds. What has ended by then is told to the other replicas; they find the rest when its lease runs out. */
export const SETTLE_WITHIN = 5_000;

/** The same in milliseconds, defaults filled in. */
export type DrainTimes = { [K in keyof DrainOptions]-?: number };

/** @throws InvalidDurationError; RangeError for a deadline that leaves runs less than they were promised */
export function drainTimes({ timeout = '10s', abortGrace = '5s', deadline }: DrainOptions = {}): DrainTimes {
  const times = { timeout: parseDuration(timeout), abortGrace: parseDuration(abortGrace) };
  const forRuns = times.timeout + times.abortGrace;
  if (deadline === undefined) return { ...times, deadline: forRuns + FOR_THE_REST };
  const all = parseDuration(deadline);
  if (all < forRuns)
    throw new RangeError(
      `drain.deadline: ${all} ms is less than timeout and abortGrace together, ${forRuns} ms: give more, or shorten these`,
    );
  return { ...times, deadline: all };
}

/** How much of the time for a shutdown is left. */
export class Deadline {
  private readonly at: number;

  /** @param ms from now on */
  constructor(
    private readonly clock: Clock,
    ms: number,
  ) {
    this.at = clock.monotonic() + ms;
  }

  /** Milliseconds, at the most this many. */
  left(most = Infinity): number {
    return Math.max(0, Math.min(most, this.at - this.clock.monotonic()));
  }

  /** Waits for the work, but not beyond it. Rejects only as the work does by then. */
  async bound(work: Promise<unknown>, most?: number): Promise<void> {
    await atMost(this.left(most), work, this.clock);
  }
}

/**
 * Waits for runs to end, aborts those that take too long, and abandons those that are deaf to it. Runs under a test
 * runner's fake timers get one turn of the event loop instead: nobody moves time while an application closes.
 */
export async function drain(executions: Execution[], clock: Clock, times: DrainTimes): Promise<void> {
  // What an earlier drain has abandoned is still active, and recorded.
  const left = new Set(executions.filter(({ run }) => !run.endedAt));
  for (const execution of left) void execution.ended.then(() => left.delete(execution));
  const wait = async (ms: number): Promise<void> => {
    const timed = [...left].filter(({ underFakeTimers }) => !underFakeTimers);
    if (left.size > 0 && (clock.fake || timed.length === 0)) await turn();
    else if (timed.length > 0) await atMost(ms, Promise.all(timed.map(({ ended }) => ended)), clock);
  };

  await wait(times.timeout);
  for (const execution of left) execution.abort(new RunAbortedError(execution.run.worker));
  await wait(times.abortGrace);
  for (const execution of left) execution.abandon();
}

/** Of the module's `setImmediate`, which fake timers leave alone. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
