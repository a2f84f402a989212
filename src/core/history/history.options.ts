import { type RetentionOptions } from './retention.options.js';
import { type RunStore } from './run.store.js';

/** What the history takes of the options of `WorkerModule`. */
export interface HistoryOptions {
  /** Where runs are kept. Default: where the coordination keeps them, or else in memory, the last 100 of each worker. */
  history?: RunStore | undefined;
  /**
   * How much of the history is kept. A store that outlives the process is pruned by the worker `workers_retention`;
   * `false`: nothing is deleted. Default: 7 days, and 10,000 runs of each worker. In memory: the last 100 of each.
   */
  retention?: RetentionOptions | false | undefined;
  /**
   * Which release of the application this is, kept with each replica and run. 1 to 100 characters. Default: the environment
   * variable `WORKERS_RELEASE`, or else the `version` of the application's `package.json`.
   */
  release?: string | undefined;
}
