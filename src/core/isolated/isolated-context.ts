import { type LoggerService } from '@nestjs/common';
import { withMetric } from '../execution/run-metrics.js';
import { progressOf } from '../execution/run-progress.js';
import { IsolatedFanOutError } from '../isolation/isolation.errors.js';
import { toLogged } from '../isolation/logged.js';
import { type RunStart } from '../isolation/messages.js';
import { ConveyedRunContext } from '../worker/conveyed-run.js';
import { type RunContext, type TransactionRunner } from '../worker/run-context.js';
import { type Assertions } from './assertions.js';
import { type Channel } from './channel.js';
import { ChannelLogger } from './channel-logger.js';
import { Reports } from './reports.js';

/** The context of a run in its thread or process: what it is told goes to the run's record in the application. */
export class IsolatedContext extends ConveyedRunContext {
  private readonly controller = new AbortController();
  private readonly reports: Reports;
  private metrics: Record<string, number> = {};
  private ownLogger?: LoggerService;
  private ended = false;

  constructor(
    protected override readonly run: RunStart,
    private readonly channel: Channel,
    private readonly assertions: Assertions,
  ) {
    super(run);
    this.reports = new Reports((message) => channel.post(message));
  }

  get attempt() {
    return this.run.attempt;
  }
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get logger(): LoggerService {
    return (this.ownLogger ??= new ChannelLogger((level, args) =>
      this.channel.post(
        this.ended
          ? { type: 'log', level, args: toLogged([...args, this.worker]) }
          : { type: 'line', level, args: toLogged(args) },
      ),
    ));
  }

  get progress() {
    return (done: number, total?: number, message?: string): void => {
      const progress = progressOf(done, total, message);
      if (!this.ended) this.reports.reported(progress);
    };
  }

  get metric() {
    return (name: string, value: number): void => {
      this.metrics = withMetric(this.metrics, name, value);
      if (!this.ended) this.reports.measured(name, value);
    };
  }

  get fanOut(): RunContext['fanOut'] {
    return () => Promise.reject(new IsolatedFanOutError(this.worker));
  }

  async assertCurrent(manager: TransactionRunner): Promise<void> {
    if (this.fencingToken !== undefined) await this.assertions.assert(manager);
  }

  abort(reason: unknown): void {
    this.controller.abort(reason);
  }

  /** Sends what it has to report. Later reports are of no run. */
  end(): void {
    this.reports.flush();
    this.ended = true;
  }
}
