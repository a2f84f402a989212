import { type Coordinator } from '../coordination/coordinator.js';
import { type Run } from '../history/run.js';
import { leaseTime } from '../registry/worker-rules.js';
import { messageOf } from '../text/describe-error.js';
import { type Duration } from '../timing/duration.js';
import { type DrainOptions } from './drain.js';

/** What the scheduler takes of the options of `WorkerModule`. */
export interface SchedulerOptions {
  /**
   * Makes the replicas of an application one cluster, in which each slot is run once: `postgres({ … })` of
   * `ctrlplane-workers/postgres`. Default: none, every replica runs every worker.
   */
  coordination?: Coordinator | undefined;
  /**
   * With coordination: how long after the last sign of life of a replica its run is another one's, for all workers that do
   * not say it themselves. At least 1 s. Default: as it fits each worker, 1 to 5 s; see `WorkerOptions.lease`.
   */
  lease?: Duration | undefined;
  /** How long a shutdown waits for runs. */
  drain?: DrainOptions | undefined;
  /** Runs that may be active at a time in this process, over all workers; others wait. At least 1. Default: no limit. */
  maxConcurrentRuns?: number | undefined;
  /** Start ticking when the application is ready. Default true; if false, call `Scheduler.start()`. */
  autoStart?: boolean | undefined;
  /** `false`: this process lists the workers and never runs one, as an API replica may want. Default true. */
  run?: boolean | undefined;
  /**
   * Called with every run that failed or was lost, after it was recorded, and with what it threw: for an error tracker,
   * which wants the error itself with its cause. With a run past its timeout when that passes, and a `RunTimeoutError`:
   * its outcome is `running` still, as it may never end. What `onError` throws is logged.
   */
  onError?: ((run: Run, error: unknown) => unknown) | undefined;
}

/** `lease` in milliseconds. @throws RangeError */
export function leaseOption(lease: Duration | undefined): number | undefined {
  try {
    return leaseTime(lease);
  } catch (error) {
    throw new RangeError(`lease: ${messageOf(error)}`);
  }
}
