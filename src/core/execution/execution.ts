import { Logger } from '@nestjs/common';
import { type EndedRun, type Run, type RunOutcome } from '../history/run.js';
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

/** What every run needs of its surroundings. */
export interface ExecutionParts {
  readonly clock: Clock;
  readonly recorder: RunJournal;
  readonly interceptors: RunInterceptors;
  readonly monitor: EventLoopMonitor;
  /** Its timeout has passed, and it is still active. */
  overdue(run: Run): void;
}

/**
 * An active run.
 *
 * A class, and no literal with getters: V8 makes a hidden class for each of those, which lives in old space and keeps
 * whatever the getters see until a full collection. That was half of what the collector had to do.
 */
export class Execution {
  private static readonly logger = new Logger('Workers');

  /** Resolves with the final record when the worker has settled, however it did. Never rejects. */
  readonly ended: Promise<EndedRun>;
  private timeout?: Timer;
  private timedOut = false;
  private stuck = false;
  /** It began under a test runner's fake timers: what it waits for may never come. */
  readonly underFakeTimers: boolean;

  /** @param time what time it is, where replicas have one time */
  constructor(
    private readonly worker: WorkerDefinition,
    private readonly context: ActiveRun,
    private readonly time: Pick<Clock, 'now'>,
    private readonly parts: ExecutionParts,
  ) {
    this.underFakeTimers = parts.clock.fake;
    parts.recorder.record(context.run);
    parts.monitor.started(context);
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

  /** Why its signal aborted; undefined while it has not. */
  get abortReason(): unknown {
    return this.context.abortReason;
  }

  /** Aborts its signal; it is recorded as aborted, or as cancelled, when it ends then. */
  abort(reason: RunAbortedError): void {
    this.context.abort(reason);
  }

  /** Records it as aborted although it has not ended: the process is about to go. */
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
    } catch (error) {
      // It may have been thrown before the caller of `execute` has the run.
      await undefined;
      return this.end({ error });
    }
    return this.end();
  }

  /** Until the worker hands back control for the first time. */
  private call(): unknown {
    const { context, worker } = this;
    const { clock, interceptors, monitor } = this.parts;
    const called = clock.monotonic();
    try {
      return runContextStorage.run(context, () => interceptors.around(context, () => worker.run(context)));
    } finally {
      monitor.called(context.run, clock.monotonic() - called);
    }
  }

  private expire(after: number): void {
    this.timedOut = true;
    const reason = new RunTimeoutError(this.worker.name, after);
    this.context.abort(reason);
    this.timeout = this.parts.clock.setTimer(() => this.ignore(after), IGNORED_AFTER);
    // Otherwise it was to end before, for another reason.
    if (this.abortReason !== reason) return;
    noteThrown(this.run, reason);
    this.logOutcome('timed out', describeError(reason));
    this.parts.overdue(this.run);
  }

  /** Its signal has aborted, and it has not ended. */
  private ignore(timeout: number): void {
    this.stuck = true;
    this.say(
      'warn',
      `Worker "${this.worker.name}" is stuck: run ${this.run.id} has ignored its signal for ${IGNORED_AFTER / 1_000} s after its timeout of ${seconds(timeout)}. Hand context.signal to what it waits for`,
    );
  }

  /** Also when it was abandoned, and the process is still there. */
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
    else this.settle('succeeded', undefined);
    return this.run as EndedRun;
  }

  private settle(outcome: RunOutcome, thrown: unknown): void {
    const { run } = this;
    const { monitor, recorder } = this.parts;
    // When it was abandoned, its record stands: what comes after the drain counts no more.
    if (run.endedAt) return;
    if (outcome !== 'succeeded') {
      run.error = describeError(thrown);
      noteThrown(run, thrown);
    }
    run.endedAt = new Date(this.time.now());
    run.outcome = outcome;
    monitor.ended(this.context);
    recorder.record(run);
    if (!run.error) return;
    if (outcome === 'timed_out') {
      // That its timeout passed was said then.
      if (!isAbort(thrown, this.abortReason)) this.logOutcome('failed after its timeout', run.error);
    } else if (!(outcome === 'failed' && this.worker.logsItsErrors)) this.logOutcome(outcome, run.error);
  }

  private logOutcome(what: string, error: RunError): void {
    const { worker, id } = this.run;
    this.say('error', `Worker "${worker}" ${what} (run ${id}): ${summaryOf(error)}`, stackOf(error));
  }

  /** The application's logger may throw, and the run goes on, or has ended, nevertheless. */
  private say(level: 'log' | 'warn' | 'error', ...message: [text: string, stack?: string]): void {
    try {
      Execution.logger[level](...message);
    } catch {
      // Nowhere to say it.
    }
  }
}

/** Whether what a run threw says no more than that its signal aborted: the reason itself, or what APIs make of it. */
function isAbort(thrown: unknown, reason: unknown): boolean {
  if (thrown === reason) return true;
  try {
    const { name, code, cause } = thrown as { name?: unknown; code?: unknown; cause?: unknown };
    return cause === reason || name === 'AbortError' || code === 'ABORT_ERR';
  } catch {
    // It cannot be read.
    return false;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
