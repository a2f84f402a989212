import { type EndedRun, type Run } from '../../history/run.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { summaryOf } from '../../text/describe-error.js';

type Counts = Pick<WorkerInfo, 'runCount' | 'skippedCount' | 'missedCount' | 'consecutiveFailures'>;

const NEVER = -1;

/**
 * What a worker has come to since its loop was made. Keeps numbers and no record: one that is held until the next
 * run of its worker has grown old by then, and old garbage is dear.
 */
export class WorkerStats {
  readonly counts: Counts = { runCount: 0, skippedCount: 0, missedCount: 0, consecutiveFailures: 0 };
  /** Milliseconds since the epoch. */
  private lastStart = NEVER;
  private lastSuccess = NEVER;
  private lastEndedAt = NEVER;
  private lastDuration = 0;
  private lastError?: string;

  started(run: Run): void {
    this.lastStart = run.startedAt.getTime();
  }

  ended(run: EndedRun): void {
    this.lastEndedAt = run.endedAt.getTime();
    this.lastDuration = this.lastEndedAt - run.startedAt.getTime();
    this.lastError = run.error && summaryOf(run.error);
    this.counts.runCount++;
    if (run.outcome === 'succeeded') {
      this.counts.consecutiveFailures = 0;
      this.lastSuccess = this.lastEndedAt;
    } else if (run.outcome !== 'cancelled') this.counts.consecutiveFailures++;
  }

  /** When a run last ended, however; milliseconds since the epoch. */
  get lastEnd(): number | undefined {
    return this.lastEndedAt === NEVER ? undefined : this.lastEndedAt;
  }

  info(): Counts & Pick<WorkerInfo, 'lastRun' | 'lastError' | 'lastSuccess' | 'lastDurationMs'> {
    const { lastStart, lastSuccess, lastError } = this;
    return {
      ...(lastStart !== NEVER && { lastRun: new Date(lastStart) }),
      ...(lastError !== undefined && { lastError }),
      ...this.counts,
      ...(lastSuccess !== NEVER && { lastSuccess: new Date(lastSuccess) }),
      ...(this.lastEndedAt !== NEVER && { lastDurationMs: this.lastDuration }),
    };
  }
}
