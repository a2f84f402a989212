import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';

const execute = promisify(execFile);
const COMMAND = fileURLToPath(new URL('reconciler.ts', import.meta.url));

/** A small share of `npm run kills:reconciler`, as a process of its own: so it is what the command does. */
describe('a control plane that is killed while it changes something', () => {
  it('converges, with nothing doubled and nothing leaked, whenever it is killed', async () => {
    const { stdout } = await execute(
      process.execPath,
      ['--import', 'tsx', COMMAND, '--only', 'random', '--kills', '3'],
      { env: { ...process.env, TEST_CHECKOUT: builtCheckout(), NODE_OPTIONS: '' } },
    );
    expect(stdout).toMatch(/at random moments, 3 times/);
    expect(stdout).toMatch(/from start to all as it should be +median/);
  });
});
