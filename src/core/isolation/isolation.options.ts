import { type Duration } from '../timing/duration.js';
import { type IsolatedModule } from '../worker/isolate.js';

/** Where workers with the option `isolate` run, for all that do not say it themselves. */
export interface IsolationDefaults extends IsolatedModule {
  /** How long a thread or process without runs is kept for the next one. Default 5 min. */
  idle?: Duration | undefined;
}

/** The option of `WorkerModule` for isolated workers. */
export interface IsolationOptions {
  /**
   * Where workers with the option `isolate` run. `false`: all in the main thread, as under `WorkerTestHarness`. Default:
   * what each of them says itself.
   */
  isolation?: IsolationDefaults | false | undefined;
}
