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

/** Reason of a run's signal when the application shuts down and the drain deadline has passed. */
export class RunAbortedError extends Error {
  override readonly name = 'RunAbortedError';

  constructor(readonly worker: string) {
    super(`The run of "${worker}" did not end before the drain deadline of the shutdown`);
  }
}
