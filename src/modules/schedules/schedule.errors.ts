/** The schedule is not there: it was never made, or was removed. */
export class UnknownScheduleError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownScheduleError';

  constructor(
    readonly handler: string,
    readonly key: string,
  ) {
    super(`There is no schedule "${key}" of "${handler}": it was removed, or has another handler or key`);
  }
}
