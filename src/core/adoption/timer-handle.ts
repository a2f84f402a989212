// eslint-disable-next-line no-restricted-imports -- waits for nothing
import { setInterval } from 'node:timers';
import { fakesClearRealTimers, timersAreFake } from '../timing/fake-timers.js';

/** The longest delay of Node's timers, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Properties that only a fake `clearInterval` reads from its argument: `id` that of Jest's legacy timers,
 * `priorityQueuePosition` that of node:test.
 */
const READ_BY_FAKES = ['id', 'priorityQueuePosition'];

/**
 * What `SchedulerRegistry.getInterval` and `getTimeout` give for an adopted handler: a timer of Node that does
 * nothing and keeps no process alive. It exists so that an application can clear it.
 *
 * It is made by the `setInterval` of `node:timers`, which fake timers do not replace: a fake one would be a pending
 * timer of the test, and `runAllTimers` would run it for ever.
 *
 * Node emits nothing when a timer is cleared, but sets its field `_onTimeout` to null (20, 22, 24), and the fake
 * timers of Jest and Vitest pass timers that they did not make on to Node. Other fakes only read the timer: sinon its
 * number.
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
