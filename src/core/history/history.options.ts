import { type RetentionOptions } from './retention.options.js';
import { type RunStore } from './run.store.js';

/** The options of `WorkerModule` that the history uses. */
export interface HistoryOptions {
  /**
   * Where runs are stored. Default: in the store of the coordination; without one in memory, the last 100 of each
   * worker.
   */
  history?: RunStore | undefined;
  /**
   * How much of the history is kept. The worker `workers_retention` prunes a store that outlives the process;
   * `false`: nothing is deleted. Default: 7 days, and 10,000 runs of each worker. In memory: the last 100 of each.
   */
  retention?: RetentionOptions | false | undefined;
  /**
   * The release of the application, stored with each replica and run. 1 to 100 characters. Default: the environment
   * variable `WORKERS_RELEASE`, or else the `version` of the application's `package.json`.
   */
  release?: string | undefined;
}
