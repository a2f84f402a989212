import { Logger } from '@nestjs/common';
import { type Clock, type Timer } from '../timing/clock.js';
import { messageOf } from '../text/describe-error.js';
import { type IsolatedRun, startOf } from './isolated-run.js';
import {
  IsolatedCrashError,
  IsolatedStartError,
  RunTerminatedError,
  UncopiablePayloadError,
} from './isolation.errors.js';
import { logAgain } from './logged.js';
import { type ChildSetup, type ToParent } from './messages.js';
import { Queries } from './queries.js';
import { type Exit, type Transport, type TransportEvents } from './transport.js';
import { fromWire, toWire } from './wire-error.js';

/** What a child is and how long it may take. */
export interface ChildParts {
  readonly clock: Clock;
  /** For messages. */
  readonly file: string;
  readonly setup: ChildSetup;
  /** Whether the application shuts down: then its drain decides how long runs have. */
  draining(): boolean;
  start(events: TransportEvents): Transport;
  /** Called once, when it has ended. */
  gone(child: Child): void;
}

export interface RunTerms {
  /** Whether somebody asks for what it returns, which is copied then. */
  readonly answers: boolean;
  /** Milliseconds for it to end after its signal has aborted. */
  readonly grace: number;
}

interface Current {
  readonly run: IsolatedRun;
  readonly terms: RunTerms;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A thread or process with a context of the application's module in it, which has one run at a time. */
export class Child implements TransportEvents {
  private readonly logger = new Logger('Workers');
  private readonly transport: Transport;
  private readonly queries: Queries;
  /** Names of the workers in it. Rejects with an `IsolatedStartError`. */
  readonly ready: Promise<readonly string[]>;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  private started!: { resolve(workers: readonly string[]): void; reject(error: unknown): void };
  private over!: () => void;
  private isReady = false;
  private current?: Current | undefined;
  private lastWorker?: string;
  private terminator?: Timer | undefined;
  /** Milliseconds that its run was given to end, when it was then ended by force. */
  private terminatedAfter?: number | undefined;
  /** Whether it is about to end: it takes no run. */
  ending = false;
  private crash: unknown;
  private exit?: Exit;
  /** Since when it has had no run, by the monotonic clock. */
  idleSince = 0;

  /** @throws what Node throws when it does not take the options */
  constructor(private readonly parts: ChildParts) {
    this.ready = new Promise((resolve, reject) => (this.started = { resolve, reject }));
    // Each run that waits for it is told; there may be none.
    this.ready.catch(() => {});
    this.ended = new Promise((resolve) => (this.over = resolve));
    this.transport = parts.start(this);
    this.queries = new Queries((message) => this.transport.post(message));
    this.transport.post({ type: 'setup', setup: parts.setup });
  }

  get gone(): boolean {
    return this.exit !== undefined;
  }

  /** From now on it does not keep the application's process alive, until its next run. */
  release(): void {
    if (!this.gone) this.transport.release();
  }

  /** Of a process. */
  get pid(): number | undefined {
    return this.transport.pid;
  }

  /** Runs there. Rejects with what the worker throws, or with what became of its child. */
  run(run: IsolatedRun, terms: RunTerms): Promise<unknown> {
    this.lastWorker = run.worker;
    this.transport.hold();
    return new Promise((resolve, reject) => {
      this.current = { run, terms, resolve, reject };
      if (this.isReady) this.begin();
      else
        this.ready.then(
          () => this.current?.run === run && this.begin(),
          (error: unknown) => this.settle(() => reject(error)),
        );
      run.whenAborted = (reason) => this.abort(reason);
      if (run.abortReason !== undefined) this.abort(run.abortReason);
    });
  }

  /**
   * Closes its context and ends it. One that starts does so first.
   * @param within milliseconds, after which it is ended by force
   * @returns a promise that resolves when it has ended
   */
  async close(within: number): Promise<void> {
    if (this.gone) return;
    this.ending = true;
    this.transport.hold();
    this.transport.post({ type: 'end' });
    const timer = this.parts.clock.setTimer(() => this.kill(), within);
    await this.ended;
    timer.cancel();
  }

  /** Ends it at once. */
  kill(): void {
    this.ending = true;
    this.transport.kill();
  }

  private begin(): void {
    const { current } = this;
    if (!current) return;
    const { run, terms } = current;
    try {
      this.transport.post({ type: 'run', run: startOf(run), answers: terms.answers });
    } catch (error) {
      return this.settle(() =>
        current.reject(new UncopiablePayloadError(run.worker, this.transport.kind, error)),
      );
    }
    if (run.abortReason !== undefined)
      this.transport.post({ type: 'abort', reason: toWire(run.abortReason) });
  }

  private abort(reason: unknown): void {
    if (this.isReady) this.transport.post({ type: 'abort', reason: toWire(reason) });
    const { current } = this;
    if (!current || this.terminator || this.parts.draining()) return;
    const { grace } = current.terms;
    this.terminator = this.parts.clock.setTimer(() => {
      this.terminatedAfter = grace;
      // Node leaves open the files that a thread was loading when it was ended: 80 descriptors each. It is not used yet,
      // and is kept for the next run.
      if (this.isReady || this.transport.kind === 'process') return this.kill();
      this.terminatedAfter = undefined;
      const { kind } = this.transport;
      this.settle(() =>
        current.reject(new RunTerminatedError(current.run.worker, kind, grace, current.run.abortReason)),
      );
    }, grace);
  }

  received(message: ToParent): void {
    const run = this.current?.run;
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        return this.started.resolve(message.workers);
      case 'refused':
        this.crash = fromWire(message.error);
        return;
      case 'progress':
        return run?.progress(message.progress.done, message.progress.total, message.progress.message);
      case 'metrics':
        for (const [name, value] of Object.entries(message.metrics)) run?.metric(name, value);
        return;
      case 'line':
        return logAgain(run?.logger ?? new Logger(this.lastWorker ?? 'Workers'), message.level, message.args);
      case 'log':
        return logAgain(Logger, message.level, message.args);
      case 'assert':
        if (run) void this.queries.assert(run);
        return;
      case 'rows':
        return this.queries.answered(message);
      case 'crash':
        this.crash = fromWire(message.error);
        return;
      case 'ended':
        return this.finish(message);
    }
  }

  private finish({ thrown, byAbort, result }: ToParent & { type: 'ended' }): void {
    const { current } = this;
    if (!current) return;
    this.settle(() => {
      if (!thrown) current.resolve(result);
      else current.reject(byAbort ? current.run.abortReason : fromWire(thrown));
    });
  }

  exited(exit: Exit): void {
    this.exit = exit;
    const { kind } = this.transport;
    const why = this.crash ?? exit.error;
    if (!this.isReady) this.started.reject(this.startError(exit, why));
    const { current, terminatedAfter } = this;
    if (current && terminatedAfter !== undefined)
      this.settle(() =>
        current.reject(
          new RunTerminatedError(current.run.worker, kind, terminatedAfter, current.run.abortReason),
        ),
      );
    else if (current && this.isReady)
      this.settle(() => current.reject(new IsolatedCrashError(current.run.worker, kind, exit, why)));
    else if (this.isReady && !this.ending)
      this.logger.warn(
        `The ${kind} of ${this.parts.file} ended between runs, ${exit.signal ? `by ${exit.signal}` : `with exit code ${exit.code}`}${why === undefined ? '' : `: ${messageOf(why)}`}. Its last run was of "${this.lastWorker ?? 'no worker'}"`,
      );
    this.parts.gone(this);
    this.over();
  }

  private startError(exit: Exit, why: unknown): unknown {
    const { kind } = this.transport;
    const how = exit.signal ? `it was ended by ${exit.signal}` : `it ended with exit code ${exit.code}`;
    return new IsolatedStartError(kind, this.parts.file, why === undefined ? how : messageOf(why), why);
  }

  private settle(tell: () => void): void {
    const { current } = this;
    if (!current) return;
    this.current = undefined;
    current.run.whenAborted = undefined;
    this.terminator?.cancel();
    this.terminator = undefined;
    this.queries.end();
    tell();
  }
}
