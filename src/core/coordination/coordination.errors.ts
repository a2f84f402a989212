import { RunAbortedError } from '../execution/execution.errors.js';

/** Reason of a run's signal when its replica can no longer be sure that it is the only one that runs the worker. */
export class LeaseLostError extends RunAbortedError {
  override readonly name = 'LeaseLostError';

  constructor(worker: string, why: string) {
    super(worker, `has lost its lease: ${why}. Another replica may run the worker now`);
  }
}

/** `assertCurrent`: a newer run of the worker was granted, so what this one writes must not be kept. */
export class StaleRunError extends Error {
  override readonly name = 'StaleRunError';

  constructor(
    readonly worker: string,
    readonly runId: string,
    readonly fencingToken: number,
  ) {
    super(
      `The run ${runId} of "${worker}" has token ${fencingToken}, and a newer one was granted: ` +
        'its transaction must be rolled back',
    );
  }
}
