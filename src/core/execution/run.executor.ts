import { Inject, Injectable } from '@nestjs/common';
import { isKept } from '../history/kept-payload.js';
import { type Replica } from '../history/replica.js';
import { type Run, type RunOutcome } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { Isolation } from '../isolation/isolation.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { Clock } from '../timing/clock.js';
import { type Scope } from '../timing/root-context.js';
import { type RunTrigger } from '../worker/run-context.js';
import { ActiveRun, type ClaimedRun, type FanOutMaker } from './active-run.js';
import { EventLoopMonitor } from './event-loop.monitor.js';
import { Execution, type ExecutionParts } from './execution.js';
import { newRunId } from './run-id.js';
import { journalOf } from './run-journal.js';
import { RunInterceptors } from './run-interceptor.js';

/** Why a run starts, and for which instant. */
export interface RunRequest {
  trigger: RunTrigger;
  /** Id of the run, when a caller has it already. Default: a new one. */
  id?: string;
  /** Milliseconds since the epoch; absent when triggered. */
  slot?: number;
  /** Key of the stored schedule that it is for. */
  key?: string;
  /** When it was due: the slot plus its jitter, or the time of the trigger. Milliseconds since the epoch. */
  scheduledAt: number;
  /** 1 unless it is tried again. */
  attempt?: number;
  /** For a retry, ids of runs that have failed: the last one, and for an event also the first. */
  repeats?: readonly string[];
  payload?: unknown;
  /** Who requested it; absent when unknown. */
  actor?: string;
  /** Absent without coordination. */
  claimed?: ClaimedRun;
  /** The time that all replicas share. Default: the clock of this process. */
  time?: Pick<Clock, 'now'>;
  /** The async context of the trigger. Default: that of the call of `execute`. */
  scope?: Scope;
}

/**
 * Executes a run from its start to its record: context, timeout, abort, error. Whatever the worker does, `execute`
 * does not throw and no promise rejects.
 */
@Injectable()
export class RunExecutor {
  private readonly parts: Omit<ExecutionParts, 'recorder'> & { recorder: RunRecorder };
  private onOverdue?: (run: Run) => void;
  private fanOuts: FanOutMaker = NO_FAN_OUTS;

  constructor(
    @Inject(Clock) clock: Clock,
    recorder: RunRecorder,
    interceptors: RunInterceptors,
    monitor: EventLoopMonitor,
    isolation: Isolation,
  ) {
    this.parts = {
      clock,
      recorder,
      interceptors,
      monitor,
      isolation,
      overdue: (run) => this.onOverdue?.(run),
    };
  }

  /** @param listener called when the timeout of a run passes, and it has not ended */
  whenOverdue(listener: (run: Run) => void): void {
    this.onOverdue = listener;
  }

  /** @param fanOuts makes the fan-outs of all runs */
  fansOutBy(fanOuts: FanOutMaker): void {
    this.fanOuts = fanOuts;
  }

  execute(worker: WorkerDefinition, request: RunRequest): Execution {
    const { clock } = this.parts;
    const recorder = journalOf(worker, this.parts.recorder, request.claimed === undefined);
    const { time = clock } = request;
    const run = new StartedRun(worker.name, this.parts.recorder.replica, request, time.now());
    const context = new ActiveRun(
      run,
      request.payload,
      { journal: recorder, timers: clock, time, source: worker.source, fanOuts: this.fanOuts },
      request.claimed,
    );
    const parts = worker.record === 'all' ? this.parts : { ...this.parts, recorder };
    const start = () => new Execution(worker, context, time, parts);
    return request.scope ? request.scope(start) : start();
  }
}

const NO_FAN_OUTS: FanOutMaker = {
  distributed: false,
  fanOut: async (run) => {
    throw new Error(`The run of "${run.worker}" cannot fan out: only WorkerModule makes fan-outs`);
  },
};

/**
 * The record of a run that begins. A class: V8 notes for each object literal whether its objects survive. Records do
 * during the first compilations and collections, and from then on V8 allocated all of them in old space, with their
 * dates, where they stayed until the next full collection.
 */
class StartedRun implements Run {
  readonly id: string;
  readonly replica: string;
  readonly release?: string;
  readonly trigger: RunTrigger;
  readonly actor?: string;
  readonly payload?: unknown;
  readonly payloadOmitted?: true;
  readonly slot?: Date;
  readonly key?: string;
  readonly fencingToken?: number;
  readonly attempt: number;
  readonly scheduledAt: Date;
  readonly startedAt: Date;
  endedAt?: Date;
  outcome: RunOutcome = 'running';

  constructor(
    readonly worker: string,
    replica: Replica,
    { id = newRunId(), trigger, actor, payload, slot, key, attempt = 1, scheduledAt, claimed }: RunRequest,
    now: number,
  ) {
    this.id = id;
    this.replica = replica.id;
    if (replica.release !== undefined) this.release = replica.release;
    this.trigger = trigger;
    if (actor !== undefined) this.actor = actor;
    if (slot !== undefined) this.slot = new Date(slot);
    if (key !== undefined) {
      this.key = key;
      if (claimed) this.fencingToken = claimed.fencingToken;
    }
    this.attempt = attempt;
    this.scheduledAt = new Date(scheduledAt);
    this.startedAt = new Date(now);
    if (payload === undefined) return;
    if (isKept(payload)) this.payload = payload;
    else this.payloadOmitted = true;
  }
}
