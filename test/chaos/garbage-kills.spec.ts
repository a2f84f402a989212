import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';

const execute = promisify(execFile);
const COMMAND = fileURLToPath(new URL('garbage.ts', import.meta.url));

/** A small share of `npm run kills:gc`, as a process of its own: so it is what the command does. */
describe('a garbage collector that is killed in mid-pass', () => {
  it('removes nothing that is in use, and all garbage in the end, whenever it is killed', async () => {
    const { stdout } = await execute(process.execPath, ['--import', 'tsx', COMMAND, '--kills', '5'], {
      env: { ...process.env, TEST_CHECKOUT: builtCheckout(), NODE_OPTIONS: '' },
    });
    expect(stdout).toMatch(/garbage collector, 5 times/);
    expect(stdout).toMatch(/garbage, all removed +\d+/);
  });
});
