import { type Duration } from '../timing/duration.js';

/** What an isolated worker runs in: `thread`, a worker thread of this process; `process`, a child process. */
export type IsolationKind = 'thread' | 'process';

/** Where the runs of isolated workers take place. */
export interface IsolatedModule {
  /**
   * The file of the Nest module that provides the worker, as it is run: compiled, unless a loader is given to Node. A
   * `file:` URL or an absolute path: `new URL('./reports.module.js', import.meta.url)`.
   */
  module?: URL | string | undefined;

  /** Name of the module among the exports of the file. Default: the default export, or else the only module. */
  export?: string | undefined;

  /** MiB that the heap may have, at least 16. A run that needs more fails. Default: what Node takes by itself. */
  memory?: number | undefined;

  /** How long a run may take to end after its signal has aborted: then its thread or process is ended. Default 5 s. */
  grace?: Duration | undefined;

  /** Options of Node, as on its command line. Default: those of this process. */
  execArgv?: readonly string[] | undefined;
}

/** A worker's own place. What is left out is that of `WorkerModule.forRoot({ isolation })`. */
export interface Isolate extends IsolatedModule {
  in: IsolationKind;
}
