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

/** Reason of a run's signal when it is to end for another cause than its own timeout. */
export class RunAbortedError extends Error {
  override readonly name: string = 'RunAbortedError';

  constructor(
    readonly worker: string,
    why = 'did not end before the drain deadline of the shutdown',
  ) {
    super(`The run of "${worker}" ${why}`);
  }
}

/** A newer run takes its place (overlap policy `cancelRunning`), or somebody has cancelled it. */
export class RunCancelledError extends RunAbortedError {
  override readonly name = 'RunCancelledError';

  constructor(
    worker: string,
    /** Who cancelled it and why; undefined when a newer run did. */
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

/** A metric of a run that cannot be kept. */
export class InvalidMetricError extends Error {
  override readonly name = 'InvalidMetricError';

  constructor(reason: string) {
    super(`This metric cannot be kept: ${reason}`);
  }
}
