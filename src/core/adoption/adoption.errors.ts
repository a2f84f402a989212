/** Handlers that both `ScheduleModule` and `WorkerModule` would run. */
export class HandlersRunTwiceError extends Error {
  override readonly name = 'HandlersRunTwiceError';

  /**
   * @param importers names of the modules that import `ScheduleModule`
   * @param handlers `Class.method` of each
   */
  constructor(
    readonly importers: readonly string[],
    readonly handlers: readonly string[],
  ) {
    super(
      `${importers.join(' and ')} ${importers.length > 1 ? 'import' : 'imports'} ScheduleModule of @nestjs/schedule, which would run ${handlers.join(', ')} ` +
        'beside WorkerModule. Take that import away: WorkerModule runs these handlers, and provides SchedulerRegistry. ' +
        "If it is not yours to take away, WorkerModule.forRoot({ scheduleModule: 'ignore' }) leaves them to ScheduleModule",
    );
  }
}
