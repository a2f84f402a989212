import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { nodeOutput } from '../support/node-output.js';
import { unpackInto } from '../support/packed-package.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

/** Milliseconds. Each command of the Nest CLI is a process of its own. */
const PATIENCE = 300_000;

/** The settings of the project, under the newer TypeScript of this checkout, which wants types and the root named, and its test runner. */
const AS_HERE = {
  extends: './tsconfig.json',
  compilerOptions: { types: ['node', 'vitest/globals'], rootDir: 'src', ignoreDeprecations: '6.0' },
  include: ['src'],
};

describe('a project that `nest new` has made', () => {
  const newDirectory = temporaryDirectories(afterAll);
  let project: string;
  const nest = (cwd: string, ...args: string[]) =>
    nodeOutput(cwd, join(builtCheckout(), 'node_modules/@nestjs/cli/bin/nest.js'), ...args);

  beforeAll(async () => {
    const directory = await newDirectory();
    await symlink(join(builtCheckout(), 'node_modules'), join(directory, 'node_modules'));
    await nest(directory, 'new', 'project', '--skip-install', '--skip-git', '--package-manager=npm');
    project = join(directory, 'project');
    await unpackInto(project);
  }, PATIENCE);

  it(
    'gets the module, a health check and a worker by `nest add` and `nest generate`, and runs',
    async () => {
      await nest(project, 'add', 'ctrlplane-workers', '--skip-install');
      await nest(project, 'generate', '-c', 'ctrlplane-workers', 'worker', 'usage-reporter');
      const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as object;
      expect(manifest).toHaveProperty(['dependencies', '@nestjs/schedule']);
      expect(manifest).toHaveProperty(['dependencies', '@nestjs/terminus']);
      await writeFile(join(project, 'tsconfig.test.json'), JSON.stringify(AS_HERE));
      const tsc = join(builtCheckout(), 'node_modules/typescript/bin/tsc6');
      await nodeOutput(project, tsc, '-p', 'tsconfig.test.json');

      const vitest = join(builtCheckout(), 'node_modules/vitest/vitest.mjs');
      const tested = ['run', '--globals', '--root=src', '--reporter=json', '--silent=true', 'usage-reporter'];
      expect(JSON.parse(await nodeOutput(project, vitest, ...tested))).toMatchObject({
        numPassedTests: 1,
        numTotalTests: 1,
      });

      const port = await freePort();
      const app = new AppProcess({
        command: [process.execPath, 'dist/main.js'],
        cwd: project,
        env: { PATH: process.env.PATH, PORT: String(port), NO_COLOR: '1' },
      });
      try {
        // Nest says that it has started before it listens.
        await app.said(/successfully started/);
        const response = await eventually(() =>
          fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined),
        );
        expect(await response.json()).toMatchObject({
          status: 'ok',
          details: { workers: { status: 'up', running: true, total: 1 } },
        });
        app.kill('SIGTERM');
        expect(await app.exit).toEqual({ code: null, signal: 'SIGTERM' });
      } finally {
        await app.destroy();
      }
    },
    PATIENCE,
  );
});
