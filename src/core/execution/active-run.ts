import { Logger, type LoggerService } from '@nestjs/common';
import { type Run } from '../history/run.js';
import { RunContext, type TransactionRunner } from '../worker/run-context.js';
import { progressOf } from './run-progress.js';

/** What a run has that was granted to this replica and to no other. */
export interface ClaimedRun {
  readonly fencingToken: number;
  assertCurrent(manager: TransactionRunner): Promise<void>;
}

/** The context of a run that is on, over its record. Signal and logger are made when the worker first asks. */
export class ActiveRun extends RunContext {
  private controller?: AbortController;
  private ownLogger?: LoggerService;
  /** Where `ActiveRuns` has put it. */
  place = 0;

  constructor(
    readonly run: Run,
    readonly payload: unknown,
    private readonly changed: (run: Run) => void,
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
    return (this.ownLogger ??= new Logger(this.run.worker));
  }

  get progress() {
    return (done: number, total?: number, message?: string): void => {
      this.run.progress = progressOf(done, total, message);
      this.changed(this.run);
    };
  }

  /** Why the signal aborted; undefined while it has not. The first reason stays. */
  get abortReason(): unknown {
    return this.controller?.signal.reason;
  }

  abort(reason: Error): void {
    (this.controller ??= new AbortController()).abort(reason);
  }
}
