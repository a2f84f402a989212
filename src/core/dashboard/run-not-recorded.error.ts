/** There is no record of a run with that id. */
export class RunNotRecordedError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'RunNotRecordedError';

  constructor(readonly runId: string) {
    super(
      `No run ${runId.slice(0, 64)} is recorded: it waits and has not begun yet, is no longer kept, or never existed`,
    );
  }
}
