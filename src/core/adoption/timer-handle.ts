// eslint-disable-next-line no-restricted-imports -- waits for nothing
import { setInterval } from 'node:timers';

/** The longest that Node's timers take. */
const LONGEST = 2 ** 31 - 1;

/**
 * What `SchedulerRegistry.getInterval` and `getTimeout` give for an adopted handler: a timer of Node that does
 * nothing and keeps no process alive. Its use is that an application may clear it.
 *
 * It is the module's `setInterval`, which fake timers leave alone: as a fake it would be a pending timer of the test, and
 * `runAllTimers` would run it for ever.
 *
 * Node tells nobody that a timer was cleared, but it does set this field to null (20, 22, 24). The fake timers of test
 * runners do not: there, delete the entry of the registry.
 * @param cleared called when it is cleared, by `clearInterval`, `clearTimeout` or its own `close`
 */
export function timerHandle(cleared: () => void): NodeJS.Timeout {
  const handle = setInterval(() => {}, LONGEST);
  handle.unref();
  const callback = (): void => {};
  return Object.defineProperty(handle, '_onTimeout', { get: () => callback, set: () => cleared() });
}
