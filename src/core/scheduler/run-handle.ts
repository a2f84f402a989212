import { type EndedRun } from '../history/run.js';

/** A run that `trigger` has requested. */
export interface RunHandle {
  readonly runId: string;
  /**
   * Resolves with the run's record when it has ended, also when it failed. Rejects only if the run never starts: with
   * `RunDroppedError`, when it waited for another one to end and a newer one took its place, or the worker was
   * stopped or paused; in a cluster also if each replica that began it stopped answering, and with `RunUnknownError`
   * when this replica shuts down before it knows the outcome. A rejection that nobody handles is ignored.
   *
   * When it is read inside a run, that run counts as waiting: with `maxConcurrentRuns`, the awaited run may use its
   * place meanwhile. Rejects with `RunWaitsForItselfError` when the wait could never end, because the awaited run can
   * only start after the waiting one has ended.
   */
  readonly ended: Promise<EndedRun>;
}

/** Handles of runs that have not ended, by the id of the run. */
export class RunHandles {
  private readonly open = new Map<string, { resolve(run: EndedRun): void; reject(error: Error): void }>();

  make(runId: string): RunHandle {
    const ended = new Promise<EndedRun>((resolve, reject) => this.open.set(runId, { resolve, reject }));
    ended.catch(() => {});
    return { runId, ended };
  }

  resolve(runId: string, run: EndedRun): void {
    this.open.get(runId)?.resolve(run);
    this.open.delete(runId);
  }

  /** Ids of the runs whose handles are not settled. */
  ids(): string[] {
    return [...this.open.keys()];
  }

  reject(runId: string, error: Error): void {
    this.open.get(runId)?.reject(error);
    this.open.delete(runId);
  }
}
