import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectories } from './temporary-directory.js';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

const SPEC = `
  describe('a suite', () => {
    it('runs', () => {});
    it.skip('sleeps', () => {});
  });
  describe.skip('another suite [needs a moon: look up]', () => {
    it('one', () => {});
    it('two', () => {});
  });
`;

describe('the report of what was left out', () => {
  const directory = temporaryDirectories();

  /** Runs Jest with the reporter over a file with that content. */
  async function jest(spec: string, CI: string): Promise<{ code: number; output: string }> {
    const rootDir = await directory();
    const reporters = [join(REPOSITORY, 'test/support/left-out.reporter.mjs')];
    await writeFile(join(rootDir, 'some.spec.cjs'), spec);
    await writeFile(
      join(rootDir, 'jest.config.json'),
      JSON.stringify({ reporters, testMatch: ['**/*.spec.cjs'], transform: {} }),
    );
    const child = spawn(process.execPath, [join(REPOSITORY, 'node_modules/jest/bin/jest.js')], {
      cwd: rootDir,
      env: { PATH: process.env.PATH, CI },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (chunk) => (output += chunk));
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  it('names each suite or test once, with the reason in its title', async () => {
    const { code, output } = await jest(SPEC, '');
    expect(output.trim()).toBe(
      [
        'Left out:',
        '  some.spec.cjs: a suite › sleeps (skipped by itself)',
        '  some.spec.cjs: another suite needs a moon: look up',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  it('is a failure in CI', async () => {
    const { code, output } = await jest(SPEC, 'true');
    expect(output).toContain('another suite needs a moon');
    expect(output).toContain('With CI set, leaving tests out is a failure');
    expect(code).toBe(1);
  });

  it('is silent when nothing was left out', async () => {
    expect(await jest(`it('runs', () => {});`, 'true')).toEqual({ code: 0, output: '' });
  });
});
