/** The module under test has no workers, as nothing in it imports `WorkerModule`. */
export class NoWorkerModuleError extends Error {
  override readonly name = 'NoWorkerModuleError';

  constructor() {
    super(
      'Nothing in this module imports WorkerModule: add WorkerModule.forRoot() to its imports, as your application has it',
    );
  }
}

/** A worker or stored schedule that is to run at its next slot has none. */
export class NothingDueError extends Error {
  override readonly name = 'NothingDueError';

  /** @param state of the worker, or of the schedule @param key of a stored schedule */
  constructor(
    readonly worker: string,
    state: string,
    readonly key?: string,
  ) {
    super(
      `${key === undefined ? `"${worker}"` : `Schedule "${key}" of "${worker}"`} has no next run, it is ${state}: resume or start it, wait for the end of its run, or trigger it by \`run\``,
    );
  }
}

/** The run of a worker that was due did not take place. */
export class RunSkippedError extends Error {
  override readonly name = 'RunSkippedError';

  constructor(
    readonly worker: string,
    readonly due: Date,
  ) {
    super(
      `The run of "${worker}" that was due at ${due.toISOString()} was skipped: another one was on, or it came too late`,
    );
  }
}

/** A handler of stored schedules is to run, and it is not said for which of them. */
export class NoKeyError extends Error {
  override readonly name = 'NoKeyError';

  constructor(readonly handler: string) {
    super(`"${handler}" runs stored schedules: give the key of one of them beside its name`);
  }
}
