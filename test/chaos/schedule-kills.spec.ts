import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';

const execute = promisify(execFile);
const COMMAND = fileURLToPath(new URL('schedules.ts', import.meta.url));

/** A small share of `npm run kills:schedules`, as a process of its own: so it is what the command does. */
describe('replicas that run stored schedules, and are killed one after the other', () => {
  it('lose no due time, complete none twice, and account for each', async () => {
    const size = ['--minutes', '0.2', '--stored', '2000', '--every', '30s', '--pause', '3s', '--lease', '3s'];
    const { stdout } = await execute(process.execPath, ['--import', 'tsx', COMMAND, ...size], {
      env: { ...process.env, TEST_CHECKOUT: builtCheckout(), NODE_OPTIONS: '' },
    });
    expect(stdout).toMatch(/replicas, [1-4] times, with 2000 stored/);
    expect(stdout).toMatch(/completed once +[1-9]/);
    // 35 s where nothing else runs; where each replica starts for twenty, three times that.
  }, 360_000);
});
