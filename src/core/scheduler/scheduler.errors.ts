/** A run was asked for while another one of the same worker is on. */
export class WorkerBusyError extends Error {
  override readonly name = 'WorkerBusyError';

  constructor(
    readonly worker: string,
    readonly runId: string,
  ) {
    super(`"${worker}" is running already (run ${runId}), and its runs do not overlap: wait for its end`);
  }
}

/** A run was asked for before the scheduler started, or while it shuts down. */
export class SchedulerStoppedError extends Error {
  override readonly name = 'SchedulerStoppedError';

  constructor(readonly worker: string) {
    super(`"${worker}" cannot run: the scheduler is not started, or is shutting down`);
  }
}
