import { type Cancellation } from '../worker/cancellation.js';

/** Reason of a run's signal when its timeout has passed. */
export class RunTimeoutError extends Error {
  override readonly name = 'RunTimeoutError';

  constructor(
    readonly worker: string,
    readonly timeout: number,
  ) {
    super(`The run of "${worker}" took longer than its timeout of ${timeout} ms`);
  }
}

/** Reason of a run's signal when it has to end for another cause than its timeout. */
export class RunAbortedError extends Error {
  override readonly name: string = 'RunAbortedError';

  constructor(
    readonly worker: string,
    why = 'did not end before the drain deadline of the shutdown',
  ) {
    super(`The run of "${worker}" ${why}`);
  }
}

/**
 * Reason of a run's signal when a newer run takes its place (overlap policy `cancelRunning`), or when it was
 * cancelled.
 */
export class RunCancelledError extends RunAbortedError {
  override readonly name = 'RunCancelledError';

  constructor(
    worker: string,
    /** Who cancelled it, and why; undefined when a newer run takes its place. */
    readonly by?: Cancellation,
  ) {
    super(
      worker,
      by
        ? `was cancelled${by.actor ? ` by ${by.actor}` : ''}${by.reason ? `: ${by.reason}` : ''}`
        : 'is cancelled: a newer one is due, and its overlap policy is cancelRunning',
    );
  }
}

/** A metric that cannot be stored with its run. */
export class InvalidMetricError extends Error {
  override readonly name = 'InvalidMetricError';

  constructor(reason: string) {
    super(`This metric cannot be kept: ${reason}`);
  }
}
