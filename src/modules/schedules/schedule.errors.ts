/** There is no run to cancel. */
export class ScheduleNotRunningError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'ScheduleNotRunningError';

  constructor(
    readonly handler: string,
    readonly key: string,
  ) {
    super(
      `The schedule "${key}" of "${handler}" has no run that could be cancelled: none is active. To give up a slot that is tried again later, pause and resume it`,
    );
  }
}

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

/** Transactions that have not ended have the rows of some claims. The others were dealt with. */
export class LockedSchedulesError extends Error {
  override readonly name = 'LockedSchedulesError';

  constructor(
    /** Tokens of claims that are held, of which nothing was changed. */
    readonly locked: ReadonlySet<number>,
    /** Tokens of the others that still were held. */
    readonly done: ReadonlySet<number>,
  ) {
    super(`A transaction that has not ended has the rows of ${locked.size} claimed schedules`);
  }
}
