import assert from 'node:assert/strict';

/** That `lock` in a second transaction waits until the first one that called it has ended. */
export async function assertLocks(
  transaction: (fn: () => Promise<void>) => Promise<void>,
  lock: () => Promise<unknown>,
): Promise<void> {
  const order: string[] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let first: Promise<void> = Promise.resolve();
  await new Promise<void>((locked, failed) => {
    first = transaction(async () => {
      assert.ok(await lock());
      locked();
      await released;
      order.push('first');
    });
    first.catch(failed);
  });
  const second = transaction(async () => {
    await lock();
    order.push('second');
  });
  // Time enough for a lock that does not wait: whole transactions pass by.
  for (let n = 0; n < 5; n++) await transaction(async () => undefined);
  assert.deepEqual(order, []);
  release();
  await Promise.all([first, second]);
  assert.deepEqual(order, ['first', 'second']);
}
