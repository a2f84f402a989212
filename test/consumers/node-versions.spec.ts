import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';
import { nodeOf } from '../support/parts.js';

/** Handlers that mock-timers.mjs is to have. */
const TASKS = 'interval,timeout,cron';

/** In an application without anything else, under the oldest Node that is supported and those since. */
for (const major of [20, 22, 24] as const) {
  describeWith(`Node ${major}`, `the framework on Node ${major}`, () => {
    it.each(['greeter.imported.mjs', 'greeter.required.cjs'])('runs the worker of %s', async (consumer) => {
      const { stdout } = await promisify(execFile)(nodeOf(major), [`test/consumers/${consumer}`], {
        cwd: builtCheckout(),
        env: { PATH: process.env.PATH },
      });
      expect(JSON.parse(stdout)).toEqual({
        node: expect.stringMatching(new RegExp(`^v${major}\\.`)),
        running: false,
        outcomes: ['succeeded', 'succeeded', 'succeeded'],
      });
    });

    it.each([
      ['with the date, half a second at a time', 'setTimeout,setInterval,Date', 500, TASKS],
      ['with the date, a second at a time', 'setTimeout,setInterval,Date', 1_000, TASKS],
      ['without the date', 'setTimeout,setInterval', 500, 'interval,timeout'],
    ])('runs adopted handlers under mock timers of node:test %s', async (_what, apis, step, handlers) => {
      const { original, ours } = await underMockTimers(major, apis, step, handlers);
      expect(original).toHaveLength(handlers === TASKS ? 8 : 6);
      // The order at one instant is another: these mock timers call what was made first, and not what was set first.
      expect(ours.toSorted()).toEqual(original.toSorted());
    });

    it('clears adopted timers under mock timers of node:test', async () => {
      const { original, ours } = await underMockTimers(major, 'setTimeout,setInterval,Date', 500, 'cleared');
      expect({ original, ours }).toEqual({ original: ['cleared', 'cleared'], ours: ['cleared', 'cleared'] });
    });

    it('runs an adopted interval once for a tick of node:test that passes several of its times', async () => {
      const { original, ours } = await underMockTimers(major, 'setTimeout,setInterval,Date', 10_000, TASKS);
      const intervals = (ran: string[]) => ran.filter((name) => name === 'interval').length;
      expect([intervals(original), intervals(ours)]).toEqual([5, 1]);
    });
  });
}

async function underMockTimers(major: number, apis: string, step: number, handlers: string) {
  const args = ['--no-warnings', 'test/consumers/mock-timers.mjs', apis, String(step), handlers];
  const { stdout } = await promisify(execFile)(nodeOf(major), args, {
    cwd: builtCheckout(),
    env: { PATH: process.env.PATH },
  });
  return JSON.parse(stdout) as { original: string[]; ours: string[] };
}
