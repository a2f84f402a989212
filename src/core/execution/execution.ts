import { Logger } from '@nestjs/common';
import { type EndedRun, type Run, type RunOutcome } from '../history/run.js';
import { type Isolation } from '../isolation/isolation.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { describeError, type RunError, stackOf, summaryOf } from '../text/describe-error.js';
import { type Clock, type Timer } from '../timing/clock.js';
import { runContextStorage } from '../worker/run-context.js';
import { type ActiveRun } from './active-run.js';
import { type EventLoopMonitor } from './event-loop.monitor.js';
import { RunAbortedError, RunCancelledError, RunTimeoutError } from './execution.errors.js';
import { type RunInterceptors } from './run-interceptor.js';
import { type RunJournal } from './run-journal.js';
import { noteThrown } from './thrown.js';

/** Longer than a run that heeds its signal takes to end. As long as a shutdown waits for it by default. Milliseconds. */
const IGNORED_AFTER = 5_000;

/** What executions use, shared by all runs. */
export interface ExecutionParts {
  readonly clock: Clock;
  readonly recorder: RunJournal;
  readonly interceptors: RunInterceptors;
  readonly monitor: EventLoopMonitor;
  readonly isolation: Isolation;
  /** Called when the timeout of a run has passed, and the run is still active. */
  overdue(run: Run): void;
}

/**
 * An active run.
 *
 * A class, not a literal with getters: V8 makes a hidden class for each such literal, which lives in old space and
 * keeps whatever the getters refer to until a full collection. That was half of the garbage collector's work.
 */
export class Execution {
  private static readonly logger = new Logger('Workers');

  /** Resolves with the final record when the worker has settled, with or without an error. Never rejects. */
  readonly ended: Promise<EndedRun>;
  private timeout?: Timer;
  private timedOut = false;
  private stuck = false;
  /** Whether it runs in a thread or process, which is ended when it ignores its signal. */
  private readonly isolated: boolean;
  /** Whether it began under a test runner's fake timers: then what it waits for may never come. */
  readonly underFakeTimers: boolean;

  /** @param time the time that all replicas share; in one process its own clock */
  constructor(
    private readonly worker: WorkerDefinition,
    private readonly context: ActiveRun,
    private readonly time: Pick<Clock, 'now'>,
    private readonly parts: ExecutionParts,
  ) {
    this.underFakeTimers = parts.clock.fake;
    this.isolated = parts.isolation.takes(worker);
    parts.recorder.record(context.run);
    if (!this.isolated) parts.monitor.started(context);
    if (worker.timeout !== undefined)
      this.timeout = parts.clock.setTimer(() => this.expire(worker.timeout!), worker.timeout);
    this.ended = this.perform();
  }

  get run(): Run {
    return this.context.run;
  }

  /** Whether its timeout has passed. */
  get overdue(): boolean {
    return this.timedOut;
  }

  /** Reason of its aborted signal; undefined before. */
  get abortReason(): unknown {
    return this.context.abortReason;
  }

  /** Aborts its signal. When the run then ends, it is recorded as aborted or cancelled. */
  abort(reason: RunAbortedError): void {
    this.context.abort(reason);
  }

  /** Records it as aborted although it has not ended: the process is about to exit. */
  abandon(): void {
    this.timeout?.cancel();
    this.settle('aborted', this.abortReason);
  }

  /** Records it as lost although it has ended: another replica had taken its place before. */
  disown(reason: Error): void {
    const { run } = this;
    run.outcome = 'lost';
    run.error ??= describeError(reason);
    this.parts.recorder.record(run);
  }

  private async perform(): Promise<EndedRun> {
    try {
      await this.call();
      if (this.context.ownFanOuts) await this.context.ownFanOuts.requireEnded(this.worker.name);
    } catch (error) {
      // The worker may have thrown synchronously: the caller of `execute` must get the run before its end.
      await undefined;
      if (this.context.ownFanOuts) await this.context.ownFanOuts.stop(error);
      return this.end({ error });
    }
    return this.end();
  }

  /** Calls the worker, and measures how long it takes to hand back control for the first time. */
  private call(): unknown {
    const { context, worker } = this;
    const { clock, interceptors, isolation, monitor } = this.parts;
    const called = clock.monotonic();
    try {
      return runContextStorage.run(context, () =>
        interceptors.around(context, () =>
          this.isolated ? isolation.run(worker, context, interceptors.any) : worker.run(context),
        ),
      );
    } finally {
      monitor.called(context.run, clock.monotonic() - called);
    }
  }

  private expire(after: number): void {
    this.timedOut = true;
    const reason = new RunTimeoutError(this.worker.name, after);
    this.context.abort(reason);
    this.timeout = this.isolated
      ? undefined
      : this.parts.clock.setTimer(() => this.ignore(after), IGNORED_AFTER);
    // Otherwise its signal had aborted before, for another reason.
    if (this.abortReason !== reason) return;
    noteThrown(this.run, reason);
    this.logOutcome('timed out', describeError(reason));
    this.parts.overdue(this.run);
  }

  /** Called when the run has not ended after its signal aborted. */
  private ignore(timeout: number): void {
    this.stuck = true;
    this.say(
      'warn',
      `Worker "${this.worker.name}" is stuck: run ${this.run.id} has ignored its signal for ${IGNORED_AFTER / 1_000} s after its timeout of ${seconds(timeout)}. Hand context.signal to what it waits for`,
    );
  }

  /** Logs the end of a stuck run, also of an abandoned one. */
  private unstick(): void {
    if (!this.stuck) return;
    const late = this.time.now() - this.run.startedAt.getTime() - this.worker.timeout!;
    this.say(
      'log',
      `Worker "${this.worker.name}" is no longer stuck: run ${this.run.id} ended ${seconds(late)} after its timeout`,
    );
  }

  private end(failure?: { error: unknown }): EndedRun {
    this.timeout?.cancel();
    this.unstick();
    const { abortReason } = this;
    if (abortReason instanceof RunTimeoutError) this.settle('timed_out', failure?.error ?? abortReason);
    else if (abortReason instanceof RunCancelledError && abortReason.by)
      this.settle('cancelled', failure?.error ?? abortReason);
    else if (abortReason instanceof RunAbortedError) this.settle('aborted', failure?.error ?? abortReason);
    else if (failure) this.settle('failed', failure.error);
    else {
      this.settle('succeeded', undefined);
      this.context.ownFanOuts?.runSucceeded();
    }
    return this.run as EndedRun;
  }

  private settle(outcome: RunOutcome, thrown: unknown): void {
    const { run } = this;
    const { monitor, recorder } = this.parts;
    // The record of an abandoned run is final, whatever happens after the drain.
    if (run.endedAt) return;
    if (outcome !== 'succeeded') {
      run.error = describeError(thrown);
      noteThrown(run, thrown);
    }
    run.endedAt = new Date(this.time.now());
    run.outcome = outcome;
    if (!this.isolated) monitor.ended(this.context);
    recorder.record(run);
    if (!run.error) return;
    if (outcome === 'timed_out') {
      // That its timeout passed was logged then.
      if (!isAbort(thrown, this.abortReason)) this.logOutcome('failed after its timeout', run.error);
    } else if (!(outcome === 'failed' && this.worker.logsItsErrors)) this.logOutcome(outcome, run.error);
  }

  private logOutcome(what: string, error: RunError): void {
    const { worker, id } = this.run;
    this.say('error', `Worker "${worker}" ${what} (run ${id}): ${summaryOf(error)}`, stackOf(error));
  }

  /** The application's logger may throw, which must not change the run. */
  private say(level: 'log' | 'warn' | 'error', ...message: [text: string, stack?: string]): void {
    try {
      Execution.logger[level](...message);
    } catch {
      // There is nowhere else to log it.
    }
  }
}

/** Whether a run threw only because its signal aborted: the reason itself, or the error that APIs make of it. */
function isAbort(thrown: unknown, reason: unknown): boolean {
  if (thrown === reason) return true;
  try {
    const { name, code, cause } = thrown as { name?: unknown; code?: unknown; cause?: unknown };
    return cause === reason || name === 'AbortError' || code === 'ABORT_ERR';
  } catch {
    // A getter of it has thrown.
    return false;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
