import { type LoggerService } from '@nestjs/common';
import { type Run } from '../history/run.js';
import { RunContext, type TransactionRunner } from '../worker/run-context.js';
import { type Clock } from '../timing/clock.js';
import { type RunJournal } from './run-journal.js';
import { RunLogger } from './run-logger.js';
import { withMetric } from './run-metrics.js';
import { progressOf } from './run-progress.js';
import { RunFanOuts } from './run-fan-outs.js';
import { type FanOutOptions, type FanOutResult } from '../worker/fan-out.js';

/** Makes the fan-outs of a run. */
export type FanOutCall = (
  run: ActiveRun,
  shard: unknown,
  items: readonly unknown[],
  options?: FanOutOptions,
) => Promise<FanOutResult<never>>;

/** Where the fan-outs of runs are made. */
export interface FanOutMaker {
  readonly fanOut: FanOutCall;
  /** Whether shards run on every replica: there is an engine, and it can be reached. */
  readonly distributed: boolean;
}

/** What a run has that the coordinator granted to this replica. */
export interface ClaimedRun {
  readonly fencingToken: number;
  assertCurrent(manager: TransactionRunner): Promise<void>;
  /** Whether a run with a newer token means that this one has been superseded. Default false. */
  readonly fenced?: boolean;
  /** Whether this replica may still rely on its right to run. Default: always. */
  mayStart?(): boolean;
  /** The same for all attempts at its slot or request. Default: the run is not tried again elsewhere. */
  readonly resumeKey?: string;
}

/** Milliseconds after which new log lines are stored at the latest: each time the whole log is written. */
const LOG_AFTER = 1_000;

/** What a run's context uses. */
export interface ActiveRunParts {
  readonly journal: RunJournal;
  readonly timers: Pick<Clock, 'setTimer' | 'fake'>;
  /** The time that all replicas share; in one process its own clock. */
  readonly time: Pick<Clock, 'now'>;
  /** Where the worker is defined: `Class.method (in Module)`. */
  readonly source: string;
  readonly fanOuts: FanOutMaker;
}

/** The context of an active run, over its record. Signal and logger are made on first use. */
export class ActiveRun extends RunContext {
  private controller?: AbortController;
  private ownLogger?: LoggerService;
  private logsUnrecorded = false;
  private fanOuts?: RunFanOuts;
  /** Called when its signal aborts, if it runs in a thread or process. */
  whenAborted?: ((reason: unknown) => void) | undefined;
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

  get fanOut(): RunContext['fanOut'] {
    return (shard, items, options) => this.parts.fanOuts.fanOut(this, shard, items, options);
  }

  get distributesShards(): boolean {
    return this.parts.fanOuts.distributed;
  }

  /** Where the worker is defined: `Class.method (in Module)`. */
  get source(): string {
    return this.parts.source;
  }

  /** Whether a run with a newer token means that this one has been superseded. */
  get fenced(): boolean {
    return this.claimed?.fenced ?? false;
  }

  /** Whether this replica may still rely on its right to run. */
  get mayStart(): boolean {
    return this.claimed?.mayStart?.() ?? true;
  }

  /** Its fan-outs; undefined when it has made none. */
  get ownFanOuts(): RunFanOuts | undefined {
    return this.fanOuts;
  }

  /** Makes a fan-out: `work` gets its key and its signal. */
  fansOut<T>(shard: string, work: (key: string, signal: AbortSignal) => Promise<T>): Promise<T> {
    const fanOuts = (this.fanOuts ??= new RunFanOuts(this.signal));
    const key = fanOuts.nextKey(`${this.worker}/${this.claimed?.resumeKey ?? this.runId}`, shard);
    return fanOuts.whileActive((signal) => work(key, signal));
  }

  addMetrics(add: (own: Run['metrics']) => Record<string, number>): void {
    if (this.run.endedAt) return;
    this.run.metrics = add(this.run.metrics);
    this.parts.journal.record(this.run);
  }

  /** Reason of the aborted signal; undefined before. A later abort does not change it. */
  get abortReason(): unknown {
    return this.controller?.signal.reason;
  }

  abort(reason: Error): void {
    (this.controller ??= new AbortController()).abort(reason);
    this.whenAborted?.(this.abortReason);
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
