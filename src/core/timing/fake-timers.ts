/** What the fake timers of Jest (modern and legacy), Vitest, sinon and node:test leave on the functions that they replace. */
interface MaybeFake {
  /** Of `@sinonjs/fake-timers`, which Jest and Vitest use. */
  clock?: unknown;
  /** Of a mock function: Jest's legacy fake timers, `jest.spyOn(Date, 'now')`. */
  _isMockFunction?: boolean;
  /** Of the `Date` of node:test. */
  isMock?: boolean;
  name?: string;
}

/** Of `@sinonjs/fake-timers`, on the functions that it replaces. */
interface SinonClock {
  /** Whether its `clearInterval` hands a timer that it did not make to the real one; so with Jest and Vitest. */
  shouldClearNativeTimers?: boolean;
}

/** The `setTimeout` of node:test, in Node 20 to 24; it leaves no other mark. */
const NODE_TEST_TIMER = 'bound #createTimer';

/** Whether a test runner's fake timers stand in for `setTimeout` at this moment. */
export function timersAreFake(): boolean {
  // eslint-disable-next-line no-restricted-globals -- looked at, not called
  return isFake(setTimeout);
}

/** Whether the fake `clearInterval` hands on what it did not make itself. */
export function fakesClearRealTimers(): boolean {
  // eslint-disable-next-line no-restricted-globals -- looked at, not called
  const clock = (setTimeout as MaybeFake).clock as SinonClock | undefined;
  return clock?.shouldClearNativeTimers === true;
}

/** Whether `Date.now` tells a fake time: fake timers may leave it alone (`doNotFake: ['Date']`, legacy ones). */
export function dateIsFake(): boolean {
  return isFake(Date) || isFake(Date.now);
}

function isFake(given: object): boolean {
  const { clock, _isMockFunction, isMock, name } = given as MaybeFake;
  return clock !== undefined || _isMockFunction === true || isMock === true || name === NODE_TEST_TIMER;
}
