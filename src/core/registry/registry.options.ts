import { type WorkerOverrides } from './worker-definition.js';

/** The options of `WorkerModule` that the registry of workers uses. */
export interface RegistryOptions {
  /** By the name of the worker, what overrides its own options and interval. An unknown name is logged as a warning. */
  workers?: Record<string, WorkerOverrides> | undefined;
  /**
   * Whether the application's global guards, interceptors, pipes and filters apply to workers too. Default false: a guard
   * that requires a user's token would refuse every run. Those of the worker's own class and method always apply.
   */
  globalEnhancers?: boolean | undefined;
}
