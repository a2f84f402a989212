import { mock, test } from 'node:test';

export const it = (name: string, body: () => void | Promise<void>): void => void test(name, body);
export const fakeTimers = (now: number): void =>
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now });
export const realTimers = (): void => mock.timers.reset();

/** Its `tick` knows no promises: what a timer begins has to come as far as its next timer. */
export async function advance(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    mock.timers.tick(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
