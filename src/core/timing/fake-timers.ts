/**
 * Properties that fake timers of Jest (modern and legacy), Vitest, sinon and node:test set on the functions that they
 * replace.
 */
interface MaybeFake {
  /** Set by `@sinonjs/fake-timers`, which Jest and Vitest use. */
  clock?: unknown;
  /** Set on a mock function: Jest's legacy fake timers, `jest.spyOn(Date, 'now')`. */
  _isMockFunction?: boolean;
  /** Set on the `Date` of node:test. */
  isMock?: boolean;
  name?: string;
}

/** The clock that `@sinonjs/fake-timers` sets on the functions that it replaces. */
interface SinonClock {
  /** Whether its `clearInterval` passes a timer that it did not make to the real one; true with Jest and Vitest. */
  shouldClearNativeTimers?: boolean;
}

/** Name of the `setTimeout` of node:test in Node 20 to 24; it has no other mark. */
const NODE_TEST_TIMER = 'bound #createTimer';

/** Whether a test runner's fake timers replace `setTimeout` now. */
export function timersAreFake(): boolean {
  // eslint-disable-next-line no-restricted-globals -- looked at, not called
  return isFake(setTimeout);
}

/** Whether the fake `clearInterval` passes a timer that it did not make to the real one. */
export function fakesClearRealTimers(): boolean {
  // eslint-disable-next-line no-restricted-globals -- looked at, not called
  const clock = (setTimeout as MaybeFake).clock as SinonClock | undefined;
  return clock?.shouldClearNativeTimers === true;
}

/** Whether `Date.now` returns a fake time: fake timers may not replace it (`doNotFake: ['Date']`, legacy ones). */
export function dateIsFake(): boolean {
  return isFake(Date) || isFake(Date.now);
}

function isFake(given: object): boolean {
  const { clock, _isMockFunction, isMock, name } = given as MaybeFake;
  return clock !== undefined || _isMockFunction === true || isMock === true || name === NODE_TEST_TIMER;
}
