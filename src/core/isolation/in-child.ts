/** By all copies of this package in one process or thread: the application's own may be another one than that of the entry. */
const IN_CHILD = Symbol.for('ctrlplane-workers/in-child');

/** Whether this is the thread or process of an isolated worker: then no schedule runs here, and nothing is stored from here. */
export function inChild(): boolean {
  return (globalThis as Record<symbol, unknown>)[IN_CHILD] === true;
}

/** Called before the application's module is loaded. */
export function becomeChild(): void {
  (globalThis as Record<symbol, unknown>)[IN_CHILD] = true;
}
