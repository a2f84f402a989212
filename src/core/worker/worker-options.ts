import { type Duration } from '../timing/duration.js';

/** What a worker may say of itself beside its name and interval. */
export interface WorkerOptions {
  /**
   * How long a run may take. When it passes, the run's `signal` aborts; a run that does not end then keeps its
   * place and is reported as stuck. Default: no limit.
   */
  timeout?: Duration;

  /**
   * Whether this process is of no use while the worker is stuck here: then the health check is down, and the
   * orchestrator restarts it. Default false: a stuck worker only degrades it.
   */
  critical?: boolean;
}
