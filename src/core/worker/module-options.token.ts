/** Token of the options that `WorkerModule` was given. Each part of the framework declares the type of what it takes of them. */
export const WORKER_OPTIONS = Symbol.for('ctrlplane-workers/options');
