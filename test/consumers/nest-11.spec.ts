import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';
import { nodeOutput } from '../support/node-output.js';
import { packInto } from '../support/packed-package.js';
import { NEST_11 } from '../support/parts.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

const exec = promisify(execFile);

const HEAVY_FILE_IN_COMMONJS = `import { join } from 'node:path';
export const HEAVY_FILE: URL | string = join(__dirname, 'heavy.module.js');
`;

/** Milliseconds. npm asks the registry, which on a busy machine took more than two minutes. */
const INSTALLATION = 300_000;

/** NestJS 11, @nestjs/schedule 6 and @nestjs/terminus 11, which are CommonJS, with the packed package beside them. */
describeWith('Nest 11', 'an application on NestJS 11', () => {
  const newDirectory = temporaryDirectories(afterAll);
  let installation: string;

  beforeAll(async () => {
    installation = await newDirectory();
    await cp(NEST_11, installation, { recursive: true });
    const modules = join(installation, 'node_modules');
    const before = await readdir(modules);
    // Not --offline: npm wants to see the versions that there are, and has forgotten them if it last asked for more.
    const options = ['--prefer-offline', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    await exec('npm', ['install', ...options, await packInto(installation)], { cwd: installation });
    // The command line needs commander. Nothing else but what was there is needed, and its versions suit the peers.
    expect((await readdir(modules)).toSorted()).toEqual(
      [...before, 'commander', 'ctrlplane-workers'].toSorted(),
    );
  }, INSTALLATION);

  it('has the older generation installed', async () => {
    const versions = ['core', 'schedule', 'terminus'].map(async (name) => {
      const text = await readFile(join(installation, `node_modules/@nestjs/${name}/package.json`), 'utf8');
      return parseInt((JSON.parse(text) as { version: string }).version);
    });
    expect(await Promise.all(versions)).toEqual([11, 6, 11]);
  });

  it.each([
    ['that imports the package as an ES module', 'module'],
    ['that requires the package from CommonJS', 'commonjs'],
  ])('%s, has workers, adopted handlers, health, HTTP, drain and isolation', async (_what, type) => {
    const project = join(installation, type);
    await mkdir(project);
    for (const name of ['src', 'tsconfig.json'])
      await cp(join(builtCheckout(), 'test/consumers/nest-11', name), join(project, name), {
        recursive: true,
      });
    await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type }));
    if (type === 'commonjs') await writeFile(join(project, 'src/heavy.file.ts'), HEAVY_FILE_IN_COMMONJS);
    await nodeOutput(project, '../node_modules/typescript/bin/tsc');
    const compiled = await readFile(join(project, 'dist/app.test.js'), 'utf8');
    expect(compiled.includes('require("ctrlplane-workers/testing")')).toBe(type === 'commonjs');

    const output = await nodeOutput(project, '--test', '--test-reporter=tap', 'dist/app.test.js');
    const [passed, total] = ['pass', 'tests'].map((what) =>
      Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1]),
    );
    expect({ passed, total }).toEqual({ passed: 18, total: 18 });
  });

  it('made by `nest new` tests a worker in its own Jest, which takes CommonJS alone', async () => {
    const project = join(installation, 'jest');
    await cp(join(builtCheckout(), 'test/consumers/nest-11-jest'), project, { recursive: true });
    const output = await nodeOutput(project, '../node_modules/jest/bin/jest.js', '--json', '--silent');
    const { numPassedTests, numTotalTests } = JSON.parse(output) as Record<string, number>;
    expect({ numPassedTests, numTotalTests }).toEqual({ numPassedTests: 3, numTotalTests: 3 });
  });

  it('gets the same classes whether it imports the package or requires it', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const entries = ['', '/terminus', '/dashboard', '/testing'];
      const require = createRequire(import.meta.url);
      for (const entry of entries) {
        const [imported, required] = [await import('ctrlplane-workers' + entry), require('ctrlplane-workers' + entry)];
        for (const [name, value] of Object.entries(imported))
          if (required[name] !== value) throw new Error(entry + ' ' + name + ' is there twice');
      }
      console.log('one of each');`;
    await writeFile(join(installation, 'both.mjs'), script);
    expect(await nodeOutput(installation, 'both.mjs')).toBe('one of each\n');
  });
});
