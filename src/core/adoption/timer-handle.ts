// eslint-disable-next-line no-restricted-imports -- waits for nothing
import { setInterval } from 'node:timers';
import { fakesClearRealTimers, timersAreFake } from '../timing/fake-timers.js';

/** The longest that Node's timers take. */
const LONGEST = 2 ** 31 - 1;

/**
 * What else a fake `clearInterval` reads of what it is given, and nobody else does: that of Jest's legacy timers, and that of
 * node:test.
 */
const READ_BY_FAKES = ['id', 'priorityQueuePosition'];

/**
 * What `SchedulerRegistry.getInterval` and `getTimeout` give for an adopted handler: a timer of Node that does
 * nothing and keeps no process alive. Its use is that an application may clear it.
 *
 * It is the module's `setInterval`, which fake timers leave alone: as a fake it would be a pending timer of the test, and
 * `runAllTimers` would run it for ever.
 *
 * Node tells nobody that a timer was cleared, but it does set this field to null (20, 22, 24), and the fake timers of Jest and
 * Vitest hand on to it what they did not make. Other fakes do not, and only look at the timer: sinon's at its number.
 * @param cleared called when it is cleared, by `clearInterval`, `clearTimeout` or its own `close`
 */
export function timerHandle(cleared: () => void): NodeJS.Timeout {
  const handle = setInterval(() => {}, LONGEST);
  handle.unref();
  const callback = (): void => {};
  const looked = (): undefined => void (timersAreFake() && !fakesClearRealTimers() && cleared());
  for (const field of READ_BY_FAKES) Object.defineProperty(handle, field, { get: looked });
  const toPrimitive = handle[Symbol.toPrimitive].bind(handle);
  const primitive = (hint: string): number => {
    if (hint === 'number') looked();
    return toPrimitive();
  };
  Object.defineProperty(handle, Symbol.toPrimitive, { value: primitive });
  return Object.defineProperty(handle, '_onTimeout', { get: () => callback, set: () => cleared() });
}
