import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';
import { nodeOf } from '../support/parts.js';

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
  });
}
