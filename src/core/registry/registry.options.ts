import { type WorkerOverrides } from './worker-definition.js';

/** What the registry of workers takes of the options of `WorkerModule`. */
export interface RegistryOptions {
  /** By name, what overrides a worker's own options and interval. A name that no worker has is a warning. */
  workers?: Record<string, WorkerOverrides> | undefined;
  /**
   * Whether the application's global guards, interceptors, pipes and filters apply to workers too. Default false: a
   * guard that wants a user's token would refuse every run. Those of the worker's own class and method always apply.
   */
  globalEnhancers?: boolean | undefined;
}
