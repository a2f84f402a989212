/** Invalid definitions of workers; the message lists all of them. */
export class InvalidWorkersError extends Error {
  override readonly name = 'InvalidWorkersError';

  /** @param problems one sentence each: where, what, and the fix */
  constructor(readonly problems: readonly string[]) {
    super(
      `${problems.length === 1 ? 'A worker is' : `${problems.length} workers are`} badly defined:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

/** No worker with that name is registered. */
export class UnknownWorkerError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownWorkerError';

  constructor(
    readonly worker: string,
    known: readonly string[],
  ) {
    super(
      `No worker is named "${worker}". ${known.length ? `There are: ${known.join(', ')}` : 'None is registered'}`,
    );
  }
}
