import { AsyncResource } from 'node:async_hooks';

/** Made when this file is loaded, before any request: no `AsyncLocalStorage` has a value in it. */
const root = new AsyncResource('ctrlplane-workers', { requireManualDestroy: true });

/** Calls a function in an async context other than the caller's. */
export type Scope = <T>(call: () => T) => T;

/**
 * Calls a function in the root async context. Timers and promises that the call makes stay there: otherwise they would
 * belong to the first request that caused them, with its tenant, its trace and its transaction.
 */
export const inRootContext: Scope = (call) => root.runInAsyncScope(call);

/** The async context of the caller, to call functions in it later. */
export function callersContext(): Scope {
  const resource = new AsyncResource('WorkerTrigger');
  return (call) => resource.runInAsyncScope(call);
}
