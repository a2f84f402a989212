import { type Clock } from '../../src/core/timing/clock.js';
import { type Random } from './random.js';

/** What the runs of a worker or of a handler do. */
export interface RunPlan {
  /** Milliseconds; how long each takes is exponential. */
  mean: number;
  /** Chance that one fails. */
  fails: number;
  /** Chance that one does not listen to its signal. */
  deaf: number;
  /** Milliseconds from the abortion of its signal until it ends. */
  abort: number;
}

export function runPlan(random: Random, means: readonly number[]): RunPlan {
  return {
    mean: random.pick(means),
    fails: random.pick([0, 0.1, 0.6]),
    deaf: random.pick([0, 0, 0.3]),
    abort: random.pick([0, 0, 700]),
  };
}

/** Resolves when so much time has passed; rejects when the signal aborts, unless it is deaf. */
export function pass(
  clock: Pick<Clock, 'setTimer'>,
  signal: AbortSignal,
  ms: number,
  { deaf, abort }: { deaf: boolean; abort: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(resolve, ms);
    if (deaf) return;
    const end = (): void => {
      timer.cancel();
      clock.setTimer(() => reject(signal.reason as Error), abort);
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
}
