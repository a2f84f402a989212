/** A run was requested while another one of the same worker is active. */
export class WorkerBusyError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'WorkerBusyError';

  constructor(
    readonly worker: string,
    /** Id of the active run; undefined when that run waits for a place (`maxConcurrentRuns`). */
    readonly runId: string | undefined,
  ) {
    super(
      `"${worker}" is running already (${runId ? `run ${runId}` : 'it waits for a place'}), and its runs do not overlap: wait for its end`,
    );
  }
}

/** A run of a stored schedule is to be run again: it has the payload of the schedule, and no worker. */
export class ScheduledRunError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'ScheduledRunError';

  constructor(
    readonly runId: string,
    readonly handler: string,
    readonly key: string,
  ) {
    super(
      `The run ${runId} is of the stored schedule "${key}" of "${handler}", and not of a worker: trigger the schedule`,
    );
  }
}

/** A run was requested before the scheduler started, or while it shuts down. */
export class SchedulerStoppedError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'SchedulerStoppedError';

  constructor(readonly worker: string) {
    super(`"${worker}" cannot run: the scheduler is not started, or is shutting down`);
  }
}

/** A requested run will not take place, or each replica that began it stopped answering. */
export class RunDroppedError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'RunDroppedError';

  constructor(
    readonly worker: string,
    readonly runId: string,
  ) {
    super(
      `The run ${runId} of "${worker}" will not start: a newer one took its place, it was cancelled, the worker was stopped or ` +
        'paused, or each replica that began it stopped answering',
    );
  }
}

/** This replica has shut down before it knew the outcome of a run that was requested here. */
export class RunUnknownError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'RunUnknownError';

  constructor(
    readonly worker: string,
    readonly runId: string,
  ) {
    super(
      `This replica shut down before it knew the outcome of the run ${runId} of "${worker}": ` +
        'another replica may run it, and the history will have its outcome',
    );
  }
}

/** No run with that id is active or waits. */
export class UnknownRunError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownRunError';

  constructor(readonly runId: string) {
    super(`No run ${String(runId).slice(0, 64)} is active or waits: it has ended, or never existed`);
  }
}

/** The schedule that `reschedule` was given is invalid. */
export class InvalidScheduleError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidScheduleError';

  constructor(
    readonly worker: string,
    reason: string,
  ) {
    super(`"${worker}" keeps its schedule: ${reason}`);
  }
}

/** A run waits for the end of one that cannot start before its own end. */
export class RunWaitsForItselfError extends Error {
  override readonly name = 'RunWaitsForItselfError';

  constructor(
    readonly worker: string,
    readonly runId: string,
    readonly awaitedRunId: string,
  ) {
    super(
      `The run ${runId} of "${worker}" waits for the end of run ${awaitedRunId}, which it has triggered and which can ` +
        'only start when this run has ended: do not await `ended` of it here, or give its worker the overlap policy allow',
    );
  }
}
