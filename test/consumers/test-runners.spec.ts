import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtCheckout } from '../support/app-workbench.js';
import { nodeOutput } from '../support/node-output.js';
import { unpackInto } from '../support/packed-package.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

/** Of the harness and of the contract suite. */
const ALL_PASS = { passed: 14, total: 14 };

describe('a project that tests its workers as examples/testing shows, with the packed package', () => {
  const newDirectory = temporaryDirectories(afterAll);
  let project: string;

  beforeAll(async () => {
    const directory = await newDirectory();
    await symlink(join(builtCheckout(), 'node_modules'), join(directory, 'node_modules'));
    project = join(directory, 'project');
    await cp(join(builtCheckout(), 'examples/testing'), project, { recursive: true });
    await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    await unpackInto(project);
  });

  it('does so in Jest', async () => {
    const output = await nodeOutput(
      project,
      '--experimental-vm-modules',
      join(project, '../node_modules/jest/bin/jest.js'),
      ...['--config', 'jest/jest.config.mjs', '--json', '--silent'],
    );
    expect(counts(output)).toEqual(ALL_PASS);
  });

  it('does so in Vitest', async () => {
    const output = await nodeOutput(
      project,
      join(project, '../node_modules/vitest/vitest.mjs'),
      ...['run', '--config', 'vitest/vitest.config.mjs', '--reporter=json', '--silent'],
    );
    expect(counts(output)).toEqual(ALL_PASS);
  });

  it('does so in node:test', async () => {
    const files = (await readdir(join(project, 'node-test'))).map((file) => join('node-test', file));
    const output = await nodeOutput(project, '--import', 'tsx', '--test', '--test-reporter=tap', ...files);
    const [passed, total] = ['pass', 'tests'].map((what) =>
      Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1]),
    );
    expect({ passed, total }).toEqual(ALL_PASS);
  });
});

/** Jest and Vitest write the same format. */
function counts(json: string): { passed: number; total: number } {
  const { numPassedTests: passed, numTotalTests: total } = JSON.parse(json) as Record<string, number>;
  return { passed: passed!, total: total! };
}
