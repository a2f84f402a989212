import { type Execution } from '../execution/execution.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { type ByActor } from '../worker/actor.js';
import { type Cancellation } from '../worker/cancellation.js';
import { type RunTrigger } from '../worker/run-context.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { type Scope } from '../timing/root-context.js';
import { type RunHandle } from './run-handle.js';
import { type Waiter } from './run-limit.js';
import { type Timing } from '../registry/timing.js';

/** A run that was asked for and has not begun. */
export interface WaitingRun {
  readonly worker: string;
  readonly trigger: RunTrigger;
  /** Number of the attempt that it would have been, from 1. */
  readonly attempt: number;
  /** Milliseconds since the epoch; of a retry, when it was due. */
  readonly requestedAt: number;
  readonly actor?: string;
}

/**
 * What drives one worker: `WorkerLoop` in this process alone, `ClusterLoop` together with the other replicas. Called in the
 * root async context.
 */
export interface Loop extends Waiter {
  readonly definition: WorkerDefinition;
  /** It ticks, or waits for triggers. */
  readonly running: boolean;
  /** The runs that are active here. */
  readonly executions: readonly Execution[];
  /** The schedule that holds, which may be another than the one in the code. */
  readonly timing: Timing;
  /** No run has ended for too long: `WorkerCondition`. Cheap enough to be asked of ten thousand workers. */
  readonly stale: boolean;
  /** Whether this replica logs the conditions of the worker. */
  readonly speaks: boolean;
  start(): void;
  /** No more ticks, triggers and events, and what waits is dropped. Active runs go on. */
  stop(): void;
  /** Resolves when what came of the runs that have ended is known to all who have to know it. */
  settled(): Promise<void>;
  /** As stop, but it can be triggered, and its slots count for nothing meanwhile. */
  pause(by: ByActor): Promise<void> | void;
  resume(by: ByActor): Promise<void> | void;
  reschedule(timing: Timing, by: ByActor): Promise<void> | void;
  /**
   * Runs now, beside the schedule, also while paused, in the async context of who asks for it.
   * @throws SchedulerStoppedError, WorkerBusyError
   */
  trigger(payload: unknown, scope: Scope, by: ByActor): Promise<RunHandle> | RunHandle;
  /**
   * Ends an active run here, or takes away one that waits here: a retry goes by the id of the run that failed.
   * @returns `told`, the request that was taken away, or undefined when there is no such run here
   */
  cancel(runId: string, by: Cancellation): 'told' | WaitingRun | undefined;
  /** Something happened that the worker wants to run for, in that async context. */
  happened(event: unknown, scope: Scope): void;
  info(): WorkerInfo;
  /** Its next slots from now on, whether it ticks or not. */
  upcoming(count: number): Date[];
}
