import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';

const execute = promisify(execFile);
const COMMAND = fileURLToPath(new URL('handed-out.ts', import.meta.url));

/** A small share of `npm run kills:handed-out`, as a process of its own: so it is what the command does. */
for (const [part, engine] of [
  ['redis', 'bullmq'],
  ['Node 24', 'pg-boss'],
] as const)
  // prettier-ignore
  describeWith(part, `a pass of the garbage collector that two replicas share over ${engine}`, () => {
    // Both at once: they wait for a lease to end.
    it.concurrent('removes all garbage and nothing else, and adds up, also when the replica of its run is killed', async () => {
      const args = ['--import', 'tsx', COMMAND, '--kills', '1', '--engine', engine];
      const { stdout } = await execute(process.execPath, args, {
        env: { ...process.env, TEST_CHECKOUT: builtCheckout(), NODE_OPTIONS: '' },
      });
      expect(stdout).toMatch(/killed in mid-pass +1 {2}1 of all with the run/);
      expect(stdout).toMatch(/passes with another run +1/);
      expect(stdout).toMatch(/garbage, all removed +264/);
    });
  });
