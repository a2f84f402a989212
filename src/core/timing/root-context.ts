import { AsyncResource } from 'node:async_hooks';

/** Made when this file is loaded, which is before any request: no `AsyncLocalStorage` has a value in it. */
const root = new AsyncResource('ctrlplane-workers', { requireManualDestroy: true });

/** Calls a function inside another async context than the caller's. */
export type Scope = <T>(call: () => T) => T;

/**
 * Calls it in the root async context. What the call sets off (timers, promises) stays there: otherwise it would count as a
 * part of whatever request happened to come first, with its tenant, its trace and its transaction.
 */
export const inRootContext: Scope = (call) => root.runInAsyncScope(call);

/** The async context of the caller, to come back to later. */
export function callersContext(): Scope {
  const resource = new AsyncResource('WorkerTrigger');
  return (call) => resource.runInAsyncScope(call);
}
