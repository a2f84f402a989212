import { Inject, Injectable, Logger } from '@nestjs/common';
import { describeError, type EndedRun, type Run, type RunOutcome } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { Clock } from '../timing/clock.js';
import { type RunTrigger, runContextStorage } from '../worker/run-context.js';
import { ActiveRun, type ClaimedRun } from './active-run.js';
import { EventLoopMonitor } from './event-loop.monitor.js';
import { RunAbortedError, RunTimeoutError } from './execution.errors.js';
import { newRunId } from './run-id.js';
import { RunInterceptors } from './run-interceptor.js';

/** Why a run starts, and for which instant. */
export interface RunRequest {
  trigger: RunTrigger;
  /** Id of the run to be, where somebody has been told it already. */
  id?: string;
  /** Milliseconds since the epoch; absent when triggered. */
  slot?: number;
  /** When it was due: the slot and its jitter, the moment of the trigger. Milliseconds since the epoch. */
  scheduledAt: number;
  /** 1 unless it is tried again. */
  attempt?: number;
  payload?: unknown;
  /** Absent when nobody had to be asked. */
  claimed?: ClaimedRun;
  /** What time it is, where replicas have one time; default the own clock. */
  time?: Pick<Clock, 'now'>;
}

/** A run that is on. */
export interface Execution {
  readonly run: Run;
  /** Whether its timeout has passed. */
  readonly overdue: boolean;
  /** Why its signal aborted; undefined while it has not. */
  readonly abortReason: unknown;
  /** Resolves with the final record when the worker has settled, however it did. Never rejects. */
  readonly ended: Promise<EndedRun>;
  /** Aborts its signal; it is recorded as aborted when it ends then. */
  abort(reason: RunAbortedError): void;
  /** Records it as aborted although it has not ended: the process is about to go. */
  abandon(): void;
  /** Records it as lost although it has ended: another replica had taken its place before. */
  disown(reason: Error): void;
}

/**
 * One run from start to record: context, timeout, abort, error. Whatever the worker does, nothing is thrown
 * from here and no promise rejects.
 */
@Injectable()
export class RunExecutor {
  private readonly logger = new Logger('Workers');

  constructor(
    @Inject(Clock) private readonly clock: Clock,
    private readonly recorder: RunRecorder,
    private readonly interceptors: RunInterceptors,
    private readonly monitor: EventLoopMonitor,
  ) {}

  execute(worker: WorkerDefinition, request: RunRequest): Execution {
    const { time = this.clock } = request;
    const run: Run = {
      id: request.id ?? newRunId(),
      worker: worker.name,
      replica: this.recorder.replica.id,
      trigger: request.trigger,
      slot: request.slot === undefined ? undefined : new Date(request.slot),
      attempt: request.attempt ?? 1,
      scheduledAt: new Date(request.scheduledAt),
      startedAt: new Date(time.now()),
      outcome: 'running',
    };
    const context = new ActiveRun(
      run,
      request.payload,
      (changed) => this.recorder.record(changed),
      request.claimed,
    );
    this.recorder.record(run);
    this.monitor.started(run);
    let overdue = false;
    const timer =
      worker.timeout === undefined
        ? undefined
        : this.clock.setTimer(() => {
            overdue = true;
            context.abort(new RunTimeoutError(worker.name, worker.timeout!));
          }, worker.timeout);

    const end = (failure?: { error: unknown }): EndedRun => {
      timer?.cancel();
      return this.end(context, time, failure);
    };
    return {
      run,
      get overdue() {
        return overdue;
      },
      get abortReason() {
        return context.abortReason;
      },
      ended: this.call(worker, context).then(
        () => end(),
        (error: unknown) => end({ error }),
      ),
      abort: (reason) => context.abort(reason),
      abandon: () => this.settle(context, time, 'aborted', context.abortReason),
      disown: (reason) => this.disown(run, reason),
    };
  }

  private async call(worker: WorkerDefinition, context: ActiveRun): Promise<unknown> {
    const called = this.clock.monotonic();
    try {
      return runContextStorage.run(context, () =>
        this.interceptors.around(context, () => worker.run(context)),
      );
    } finally {
      this.monitor.called(context.run, this.clock.monotonic() - called);
    }
  }

  private end(context: ActiveRun, time: Pick<Clock, 'now'>, failure?: { error: unknown }): EndedRun {
    const { run, abortReason } = context;
    if (abortReason instanceof RunTimeoutError)
      this.settle(context, time, 'timed_out', failure?.error ?? abortReason);
    else if (abortReason instanceof RunAbortedError)
      this.settle(context, time, 'aborted', failure?.error ?? abortReason);
    else if (failure) this.settle(context, time, 'failed', failure.error);
    else this.settle(context, time, 'succeeded', undefined);
    return run as EndedRun;
  }

  private disown(run: Run, reason: Error): void {
    run.outcome = 'lost';
    run.error ??= describeError(reason);
    this.recorder.record(run);
  }

  private settle({ run }: ActiveRun, time: Pick<Clock, 'now'>, outcome: RunOutcome, error: unknown): void {
    // When it was abandoned, its record stands: what comes after the drain counts no more.
    if (run.endedAt) return;
    run.endedAt = new Date(time.now());
    run.outcome = outcome;
    if (outcome !== 'succeeded') {
      run.error = describeError(error);
      this.logger.error(
        `Worker "${run.worker}" ${outcome.replace('_', ' ')} (run ${run.id}): ${run.error.message}`,
        run.error.stack,
      );
    }
    this.monitor.ended(run as EndedRun);
    this.recorder.record(run);
  }
}
