import { RunContext } from './run-context.js';

/** What a run is, for where it has no record: another replica, a thread, a process. Instants are milliseconds since the epoch. */
export interface ConveyedRun {
  readonly worker: string;
  readonly runId: string;
  readonly slot?: number | undefined;
  readonly trigger: RunContext['trigger'];
  readonly actor?: string | undefined;
  readonly scheduledAt: number;
  readonly startedAt: number;
  readonly payload?: unknown;
  /** Absent without coordination. */
  readonly fencingToken?: number | undefined;
}

export function conveyed(run: RunContext): ConveyedRun {
  return {
    worker: run.worker,
    runId: run.runId,
    slot: run.slot?.getTime(),
    trigger: run.trigger,
    actor: run.actor,
    scheduledAt: run.scheduledAt.getTime(),
    startedAt: run.startedAt.getTime(),
    payload: run.payload,
    fencingToken: run.fencingToken,
  };
}

/** The context of a run where it was conveyed to. */
export abstract class ConveyedRunContext extends RunContext {
  constructor(protected readonly run: ConveyedRun) {
    super();
  }

  /** Only the run itself fans out. */
  get distributesShards(): boolean {
    return false;
  }

  get worker() {
    return this.run.worker;
  }
  get runId() {
    return this.run.runId;
  }
  get slot() {
    return this.run.slot === undefined ? undefined : new Date(this.run.slot);
  }
  get trigger() {
    return this.run.trigger;
  }
  get actor() {
    return this.run.actor;
  }
  get scheduledAt() {
    return new Date(this.run.scheduledAt);
  }
  get startedAt() {
    return new Date(this.run.startedAt);
  }
  get payload() {
    return this.run.payload;
  }
  get fencingToken() {
    return this.run.fencingToken;
  }
}
