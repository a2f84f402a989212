import { setImmediate } from 'node:timers';
import { RunAbortedError } from '../execution/execution.errors.js';
import { type Execution } from '../execution/execution.js';
import { atMost } from '../timing/at-most.js';
import { type Clock } from '../timing/clock.js';
import { type Duration, parseDuration } from '../timing/duration.js';

/** How long a shutdown waits for runs. */
export interface DrainOptions {
  /** For runs to end by themselves. Default 10 s. */
  timeout?: Duration;
  /** For runs to end after their signal has aborted. Default 5 s. */
  abortGrace?: Duration;
}

/** The same in milliseconds, defaults filled in. */
export type DrainTimes = { [K in keyof DrainOptions]-?: number };

/** @throws InvalidDurationError */
export function drainTimes({ timeout = '10s', abortGrace = '5s' }: DrainOptions = {}): DrainTimes {
  return { timeout: parseDuration(timeout), abortGrace: parseDuration(abortGrace) };
}

/**
 * Waits for runs to end, aborts those that take too long, and abandons those that are deaf to it. Runs under a test
 * runner's fake timers get one turn of the event loop instead: nobody moves time while an application closes.
 */
export async function drain(executions: Execution[], clock: Clock, times: DrainTimes): Promise<void> {
  // What an earlier drain has abandoned is on still, and recorded.
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
