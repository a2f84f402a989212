import { type Coordinator } from '../../coordination/coordinator.js';
import { type CoordinatorClock } from './coordinator-clock.js';
import { type RunExecutor } from '../../execution/run.executor.js';
import { type RunRecorder } from '../../history/run.recorder.js';
import { type ConditionLog } from '../condition-log.js';
import { type RunLimit } from '../run-limit.js';
import { type WorkerEvents } from '../worker-events.js';

/** Calls of the coordinator that fail by themselves, as the log and health name them. */
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
  /** Length of every lease that the application asks for, milliseconds; undefined: as it fits each worker. */
  readonly lease: number | undefined;
  /** A call got through, or did not, for that worker or for all. */
  readonly reached: (error: unknown, operation: CoordinatorOperation, worker?: string) => void;
  /** Resolves when the loop has heard how its worker stands; together with others, in one call. */
  readonly look: (worker: string) => Promise<void>;
  /** Makes known the workers that are not yet. Rejects when the coordinator does. */
  readonly enroll: () => Promise<void>;
}

/** After a call that did not get through, milliseconds. */
export const RETRY_AFTER = 500;
