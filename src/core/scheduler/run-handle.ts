import { type EndedRun } from '../history/run.js';

/** A run that `trigger` asked for. */
export interface RunHandle {
  readonly runId: string;
  /**
   * Resolves with the run's record when it has ended, also when it failed. Rejects only if the run never starts:
   * with `RunDroppedError`, when it waited for another one to end and a newer one took its place, or the worker was
   * stopped or paused; in a cluster also if each replica that began it fell silent, and with
   * `RunUnknownError` when this replica shuts down before it has heard of the end. Need not be listened to.
   *
   * Read inside a run, that run counts as waiting: with `maxConcurrentRuns`, the one that it waits for may take its place
   * meanwhile. Rejects with `RunWaitsForItselfError` when the wait could never end, as the one that is waited for can only
   * start when that run has ended.
   */
  readonly ended: Promise<EndedRun>;
}

/** The handles whose runs have not ended, by run. */
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

  /** Those that nobody has settled yet. */
  ids(): string[] {
    return [...this.open.keys()];
  }

  reject(runId: string, error: Error): void {
    this.open.get(runId)?.reject(error);
    this.open.delete(runId);
  }
}
