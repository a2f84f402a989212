import { setImmediate } from 'node:timers';
import { RunAbortedError } from '../execution/execution.errors.js';
import { type Execution } from '../execution/execution.js';
import { checkedOption } from '../text/problems.js';
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
   * For the whole shutdown: the runs, their releases, the last records, the connections. What has not ended by then is
   * not waited for. At least `timeout` and `abortGrace` together. Default: 10 s more than these, 25 s.
   */
  deadline?: Duration | undefined;
}

/** Milliseconds of the default deadline for the coordination and the history, after the runs. */
const FOR_THE_REST = 10_000;

/** Milliseconds for the last releases of a drain. Other replicas take the rest over when its leases have expired. */
export const SETTLE_WITHIN = 5_000;

/** The options in milliseconds, with defaults. */
export type DrainTimes = { [K in keyof DrainOptions]-?: number };

/** @throws RangeError for what is no duration, and for a deadline shorter than `timeout` and `abortGrace` together */
export function drainTimes({ timeout = '10s', abortGrace = '5s', deadline }: DrainOptions = {}): DrainTimes {
  const times = { timeout: lengthOf('timeout', timeout), abortGrace: lengthOf('abortGrace', abortGrace) };
  const forRuns = times.timeout + times.abortGrace;
  if (deadline === undefined) return { ...times, deadline: forRuns + FOR_THE_REST };
  const all = lengthOf('deadline', deadline);
  if (all < forRuns)
    throw new RangeError(
      `drain.deadline: ${all} ms is less than timeout and abortGrace together, ${forRuns} ms: give more, or shorten these`,
    );
  return { ...times, deadline: all };
}

function lengthOf(name: keyof DrainOptions, duration: Duration): number {
  return checkedOption(`drain.${name}`, () => parseDuration(duration));
}

/** The time that is left for a shutdown. */
export class Deadline {
  private readonly at: number;

  /** @param ms length in milliseconds, from now on */
  constructor(
    private readonly clock: Clock,
    ms: number,
  ) {
    this.at = clock.monotonic() + ms;
  }

  /** Milliseconds that are left, at most `most`. */
  left(most = Infinity): number {
    return Math.max(0, Math.min(most, this.at - this.clock.monotonic()));
  }

  /** Waits for the work until the deadline, or for `most` milliseconds. Rejects when the work rejects by then. */
  async bound(work: Promise<unknown>, most?: number): Promise<void> {
    await atMost(this.left(most), work, this.clock);
  }
}

/**
 * Waits for runs to end, aborts those that take too long, and abandons those that ignore the abort. Runs under a test
 * runner's fake timers get one turn of the event loop instead: no test moves the time while an application closes.
 */
export async function drain(executions: Execution[], clock: Clock, times: DrainTimes): Promise<void> {
  // Runs that an earlier drain has abandoned are still active, and recorded.
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

/** By the `setImmediate` of `node:timers`, which fake timers do not replace. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
