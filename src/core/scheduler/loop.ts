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

/** A requested run or a retry that has not begun. */
export interface WaitingRun {
  readonly worker: string;
  readonly trigger: RunTrigger;
  /** Number of the attempt that it would have been, from 1. */
  readonly attempt: number;
  /** When it was requested; for a retry, when it was due. Milliseconds since the epoch. */
  readonly requestedAt: number;
  readonly actor?: string;
}

/**
 * Drives one worker: `WorkerLoop` in this process alone, `ClusterLoop` together with the other replicas. Its methods
 * are called in the root async context.
 */
export interface Loop extends Waiter {
  readonly definition: WorkerDefinition;
  /** Whether it is started and not stopped. */
  readonly running: boolean;
  /** The runs that are active here. */
  readonly executions: readonly Execution[];
  /** The schedule in force, which may differ from the one in the code. */
  readonly timing: Timing;
  /** Whether no run has ended for too long: `WorkerCondition`. Cheap enough to be read for ten thousand workers. */
  readonly stale: boolean;
  /** Whether this replica logs the conditions of the worker. */
  readonly speaks: boolean;
  start(): void;
  /** Ends ticks, triggers and events, and drops waiting runs. Active runs continue. */
  stop(): void;
  /** Resolves when the outcomes of all ended runs have reached the coordinator. */
  settled(): Promise<void>;
  /** Like `stop`, but it can be triggered. Slots of the pause are neither run nor counted. */
  pause(by: ByActor): Promise<void> | void;
  resume(by: ByActor): Promise<void> | void;
  reschedule(timing: Timing, by: ByActor): Promise<void> | void;
  /**
   * Runs now, beside the schedule, also while paused, in the async context `scope`.
   * @throws SchedulerStoppedError, WorkerBusyError
   */
  trigger(payload: unknown, scope: Scope, by: ByActor): Promise<RunHandle> | RunHandle;
  /**
   * Ends a run that is active here, or withdraws one that waits here; a retry is named by the id of the run that
   * failed.
   * @returns `told` for an active run, the run that was withdrawn, or undefined when there is no such run here
   */
  cancel(runId: string, by: Cancellation): 'told' | WaitingRun | undefined;
  /** Runs for an event, in the async context `scope`. */
  happened(event: unknown, scope: Scope): void;
  info(): WorkerInfo;
  /** Its next slots from now on, whether it is running or not. */
  upcoming(count: number): Date[];
}
