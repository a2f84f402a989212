import { type Coordinator } from '../../coordination/coordinator.js';
import { type CoordinatorClock } from './coordinator-clock.js';
import { type RunExecutor } from '../../execution/run.executor.js';
import { type RunRecorder } from '../../history/run.recorder.js';
import { type ConditionLog } from '../condition-log.js';
import { type RunLimit } from '../run-limit.js';
import { type WorkerEvents } from '../worker-events.js';

/** Calls of the coordinator whose failures are reported apart, as the log and health name them. */
export type CoordinatorOperation =
  'enrolments' | 'claims' | 'releases' | 'requests' | 'cancellations' | 'announcements' | 'news' | 'pruning';

/** What all loops of a cluster share. */
export interface ClusterParts {
  readonly coordinator: Coordinator;
  /** The coordinator's time. */
  readonly clock: CoordinatorClock;
  readonly executor: RunExecutor;
  readonly recorder: RunRecorder;
  readonly events: WorkerEvents;
  readonly limit: RunLimit;
  readonly conditions: ConditionLog;
  /** The option `lease` in milliseconds; undefined: by the schedule of each worker. */
  readonly lease: number | undefined;
  /** Reports the result of a call, for one worker or for all. `error` undefined: it succeeded. */
  readonly reached: (error: unknown, operation: CoordinatorOperation, worker?: string) => void;
  /** Reads the worker's record, together with other workers in one call. Resolves when its loop has it. */
  readonly look: (worker: string) => Promise<void>;
  /** Enrols the workers that are not enrolled yet. Rejects when the coordinator does. */
  readonly enroll: () => Promise<void>;
}

/** Milliseconds to wait after a call that failed. */
export const RETRY_AFTER = 500;
