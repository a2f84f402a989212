/** The time of a check is over. */
export class ProbeTimeoutError extends Error {
  override readonly name = 'ProbeTimeoutError';

  constructor(readonly timeout: number) {
    super(`timed out after ${timeout} ms`);
  }
}

/** The runner gave the check up, such as at shutdown. */
export class ProbeCancelledError extends Error {
  override readonly name = 'ProbeCancelledError';

  constructor() {
    super('The check was given up before it had a result');
  }
}
