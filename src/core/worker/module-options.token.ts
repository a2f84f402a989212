/** Token of the options of `WorkerModule`. Each part of the framework declares the type of the options that it uses. */
export const WORKER_OPTIONS = Symbol.for('ctrlplane-workers/options');
