import { type EndedRun, type Run } from '../history/run.js';
import { type WorkerInfo } from '../worker/worker-info.js';

type Counts = Pick<WorkerInfo, 'runCount' | 'skippedCount' | 'missedCount' | 'consecutiveFailures'>;

/** What a worker has come to since its loop was made. */
export class WorkerStats {
  readonly counts: Counts = { runCount: 0, skippedCount: 0, missedCount: 0, consecutiveFailures: 0 };
  private lastStart?: Date;
  private lastSuccess?: Date;
  private last?: EndedRun;

  started(run: Run): void {
    this.lastStart = run.startedAt;
  }

  ended(run: EndedRun): void {
    this.last = run;
    this.counts.runCount++;
    if (run.outcome === 'succeeded') {
      this.counts.consecutiveFailures = 0;
      this.lastSuccess = run.endedAt;
    } else this.counts.consecutiveFailures++;
  }

  /** When a run last ended, however; milliseconds since the epoch. */
  get lastEnd(): number | undefined {
    return this.last?.endedAt.getTime();
  }

  info(): Counts & Pick<WorkerInfo, 'lastRun' | 'lastError' | 'lastSuccess' | 'lastDurationMs'> {
    const { last, lastStart, lastSuccess } = this;
    return {
      ...(lastStart && { lastRun: lastStart }),
      ...(last?.error && { lastError: last.error.message }),
      ...this.counts,
      ...(lastSuccess && { lastSuccess }),
      ...(last && { lastDurationMs: last.endedAt.getTime() - last.startedAt.getTime() }),
    };
  }
}
