import { describe, expect, it } from '@jest/globals';
import { Random } from '../simulation/random.js';
import { eventually } from '../support/eventually.js';
import { IsolatedApp } from '../support/isolated-app.js';
import { crash, heldBy, holdsMore } from './crashes.js';

/** The short form of `npm run kills:isolated`. */
describe('threads and processes that crash', () => {
  it('leave each run with its outcome, and the application with what it had', async () => {
    const random = new Random(20);
    const crashed = await crash(8, () => random.next());
    expect({ ...crashed, more: holdsMore(crashed) }).toMatchObject({ crashes: 8, more: false });
  });
});

/** Node leaves a file open that a thread reads when it ends. */
describe('threads whose runs end while they start', () => {
  it('load their module before they are closed, and leave no file open', async () => {
    const app = new IsolatedApp({
      env: {
        ISOLATION: JSON.stringify({ idle: 1 }),
        HEAVY_OPTIONS: JSON.stringify({ loops_on: { timeout: 30, isolate: { grace: 1 } } }),
      },
    });
    try {
      await app.run('process.echoes');
      const before = await eventually(() => {
        const held = heldBy(app.pid);
        return held.children === 0 && held;
      }, 90_000);
      for (let run = 0; run < 20; run++) {
        const { outcome } = await app.run('thread.loops_on');
        expect(outcome).toBe('timed_out');
      }
      // Threads that have ended hold none.
      await eventually(() => heldBy(app.pid).descriptors <= before.descriptors, 90_000);
    } finally {
      await app.destroy();
    }
  });
});
