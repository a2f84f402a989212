import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { describeWith } from '../support/needs.js';
import { nodeOutput } from '../support/node-output.js';
import { unpackInto } from '../support/packed-package.js';
import { ECOSYSTEM } from '../support/parts.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

const SOURCES = join(builtCheckout(), 'test/consumers/ecosystem/src');

/** Applications on NestJS 11 with the packed package, and with what else applications have. */
describeWith('ecosystem', 'beside the packages that applications have besides', () => {
  const newDirectory = temporaryDirectories(afterAll);
  let project: string;
  let database: TestDatabase;

  afterAll(() => database?.drop());
  beforeAll(async () => {
    database = await createTestDatabase();
    const directory = await newDirectory();
    await symlink(join(ECOSYSTEM, 'node_modules'), join(directory, 'node_modules'));
    project = join(directory, 'project');
    await unpackInto(project);
    for (const name of await readdir(SOURCES)) {
      const { outputText } = ts.transpileModule(await readFile(join(SOURCES, name), 'utf8'), {
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.CommonJS,
          esModuleInterop: true,
          experimentalDecorators: true,
          emitDecoratorMetadata: true,
        },
      });
      await writeFile(join(project, name.replace(/\.ts$/, '.js')), outputText);
    }
  });

  it.each([
    ['dashboard', 15],
    ['observe', 1],
    ['opentelemetry', 1],
    ['transactions', 4],
    ['recipes', 4],
  ])('%s: all holds', async (name, tests) => {
    const args = ['--test', '--test-reporter=tap', `${name}.test.js`];
    const output = await nodeOutput(project, ...args, { DATABASE_URL: database.url });
    const [passed, total] = ['pass', 'tests'].map((what) =>
      Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(output)?.[1]),
    );
    expect({ passed, total }).toEqual({ passed: tests, total: tests });
  });
});
