import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { cp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtCheckout } from '../support/app-workbench.js';
import { describeWith } from '../support/needs.js';
import { unpackInto } from '../support/packed-package.js';
import { runtimeOf } from '../support/parts.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

/** Flags of TypeScript that both read, and what docs/recipes says to start. */
const SETTINGS = {
  Bun: { file: 'tsconfig.json', settings: {}, args: ['main.ts'] },
  Deno: {
    file: 'deno.json',
    settings: { nodeModulesDir: 'manual' },
    args: ['run', '--allow-net', '--allow-env', '--allow-sys', '--allow-read', 'main.ts'],
  },
};
const compilerOptions = { experimentalDecorators: true, emitDecoratorMetadata: true };

describe('an application with the packed package', () => {
  const newDirectory = temporaryDirectories(afterAll);
  let project: string;

  beforeAll(async () => {
    const directory = await newDirectory();
    await symlink(join(builtCheckout(), 'node_modules'), join(directory, 'node_modules'));
    project = join(directory, 'project');
    await cp(join(builtCheckout(), 'test/consumers/runtimes'), project, { recursive: true });
    await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    await unpackInto(project);
  });

  for (const name of ['Bun', 'Deno'] as const)
    describeWith(name, `on ${name}`, () => {
      it('runs workers and adopted handlers, answers over HTTP, and drains at SIGTERM', async () => {
        const { file, settings, args } = SETTINGS[name];
        await writeFile(join(project, file), JSON.stringify({ ...settings, compilerOptions }));
        const child = spawn(runtimeOf(name), args, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
        const closed = new Promise<unknown>((resolve) => child.once('close', (...end) => resolve(end)));
        let said = '';
        child.stderr.on('data', (text) => (said += String(text)));
        child.stdout.on('data', (text) => {
          said += String(text);
          if (String(text).includes('slow began')) child.kill('SIGTERM');
        });
        expect(await closed).toEqual([null, 'SIGTERM']);
        const lines = said.split('\n');
        expect(lines).toEqual(expect.arrayContaining(['adopted, own is own', 'adopted, own, slow']));
        expect(lines.filter((line) => line.startsWith('slow'))).toEqual(['slow began', 'slow ended']);
      });
    });
});
