import { type LoggerService } from '@nestjs/common';
import { type Run } from '../history/run.js';
import { RunContext, type TransactionRunner } from '../worker/run-context.js';
import { type Clock } from '../timing/clock.js';
import { type RunJournal } from './run-journal.js';
import { RunLogger } from './run-logger.js';
import { withMetric } from './run-metrics.js';
import { progressOf } from './run-progress.js';

/** What a run has that the coordinator granted to this replica. */
export interface ClaimedRun {
  readonly fencingToken: number;
  assertCurrent(manager: TransactionRunner): Promise<void>;
}

/** Milliseconds after which new log lines are stored at the latest: each time the whole log is written. */
const LOG_AFTER = 1_000;

/** What a run's context uses. */
export interface ActiveRunParts {
  readonly journal: RunJournal;
  readonly timers: Pick<Clock, 'setTimer' | 'fake'>;
  /** The time that all replicas share; in one process its own clock. */
  readonly time: Pick<Clock, 'now'>;
}

/** The context of an active run, over its record. Signal and logger are made on first use. */
export class ActiveRun extends RunContext {
  private controller?: AbortController;
  private ownLogger?: LoggerService;
  private logsUnrecorded = false;
  /** Its index in `ActiveRuns`. */
  place = 0;

  constructor(
    readonly run: Run,
    readonly payload: unknown,
    private readonly parts: ActiveRunParts,
    private readonly claimed?: ClaimedRun,
  ) {
    super();
  }

  get fencingToken() {
    return this.claimed?.fencingToken;
  }

  async assertCurrent(manager: TransactionRunner): Promise<void> {
    await this.claimed?.assertCurrent(manager);
  }

  get worker() {
    return this.run.worker;
  }
  get runId() {
    return this.run.id;
  }
  get slot() {
    return this.run.slot;
  }
  get attempt() {
    return this.run.attempt;
  }
  get trigger() {
    return this.run.trigger;
  }
  get actor() {
    return this.run.actor;
  }
  get scheduledAt() {
    return this.run.scheduledAt;
  }
  get startedAt() {
    return this.run.startedAt;
  }

  get signal(): AbortSignal {
    return (this.controller ??= new AbortController()).signal;
  }

  get logger(): LoggerService {
    return (this.ownLogger ??= new RunLogger(
      this.run,
      () => this.parts.time.now(),
      () => this.recordLog(),
    ));
  }

  get progress() {
    return (done: number, total?: number, message?: string): void => {
      this.run.progress = progressOf(done, total, message);
      this.parts.journal.record(this.run);
    };
  }

  get metric() {
    return (name: string, value: number): void => {
      const metrics = withMetric(this.run.metrics, name, value);
      if (this.run.endedAt) return;
      this.run.metrics = metrics;
      this.parts.journal.record(this.run);
    };
  }

  /** Reason of the aborted signal; undefined before. A later abort does not change it. */
  get abortReason(): unknown {
    return this.controller?.signal.reason;
  }

  abort(reason: Error): void {
    (this.controller ??= new AbortController()).abort(reason);
  }

  private recordLog(): void {
    const { journal, timers } = this.parts;
    if (this.logsUnrecorded) return;
    const record = (): void => {
      this.logsUnrecorded = false;
      if (!this.run.endedAt) journal.record(this.run);
    };
    // A fake timer would be a pending timer of the test.
    if (timers.fake) return record();
    this.logsUnrecorded = true;
    timers.setTimer(record, LOG_AFTER, true);
  }
}
