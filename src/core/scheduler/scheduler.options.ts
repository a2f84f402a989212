import { type Coordinator } from '../coordination/coordinator.js';
import { type Run } from '../history/run.js';
import { leaseTime } from '../registry/worker-rules.js';
import { checkedOption } from '../text/problems.js';
import { type Duration } from '../timing/duration.js';
import { type DrainOptions } from './drain.js';

/** The options of `WorkerModule` that the scheduler uses. */
export interface SchedulerOptions {
  /**
   * Makes the replicas of an application one cluster, in which each slot is run once: `postgres({ … })` of
   * `ctrlplane-workers/postgres`. Default: none, every replica runs every worker.
   */
  coordination?: Coordinator | undefined;
  /**
   * With coordination: the time after the last heartbeat of a replica after which another one may take over its run,
   * for all workers without a `lease` of their own. At least 1 s. Default: by the interval of each worker, 1 to 5 s;
   * see `WorkerOptions.lease`.
   */
  lease?: Duration | undefined;
  /** How long a shutdown waits for runs. */
  drain?: DrainOptions | undefined;
  /**
   * Most runs that are active at a time in this process, over all workers; others wait. At least 1. Default: no
   * limit.
   */
  maxConcurrentRuns?: number | undefined;
  /** Whether workers start when the application is ready. Default true; if false, call `Scheduler.start()`. */
  autoStart?: boolean | undefined;
  /**
   * `false`: this process lists the workers and never runs one, for example a replica that only serves the API.
   * Default true.
   */
  run?: boolean | undefined;
  /**
   * Called for every run that failed or was lost, after it was recorded, with the run and what it threw (undefined
   * for a lost run of another replica): for an error tracker, which needs the error itself with its cause. For a run
   * that times out it is called when the timeout passes, with a `RunTimeoutError`: the run's outcome is still
   * `running`, as it may never end. An error of `onError` is logged.
   */
  onError?: ((run: Run, error: unknown) => unknown) | undefined;
}

/** `lease` in milliseconds. @throws RangeError */
export function leaseOption(lease: Duration | undefined): number | undefined {
  return checkedOption('lease', () => leaseTime(lease));
}
