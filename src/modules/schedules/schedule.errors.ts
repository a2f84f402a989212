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

/** A replica held a schedule for longer than its lease without renewing it: another one may run it, or it was removed. */
export class ScheduleLostError extends Error {
  override readonly name = 'ScheduleLostError';

  constructor(handler: string, key: string) {
    super(
      `The schedule "${key}" of "${handler}" is no longer held by this replica: its lease ended, or it was removed`,
    );
  }
}
