import { spawn } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeOf } from '../support/parts.js';
import { type Cell } from './cells.js';
import { type Installation } from './installation.js';

const CONSUMER = new URL('./consumer/', import.meta.url);

/** Milliseconds: something hangs if it takes longer. */
const AT_MOST = 180_000;

/** Milliseconds for one test. The runners' own five seconds are too few for PostgreSQL on a loaded machine: 2 of 50 applications failed. */
const TEST_TIMEOUT = 60_000;

/** By runner: the file that makes its timers and its `it` the same for all, and how it is started. */
const RUNNERS: Record<
  Cell['runner'],
  { shim: string; files: (cell: Cell) => Record<string, string>; steps(cell: Cell): string[][] }
> = {
  'node:test': {
    shim: 'runner.node-test.ts',
    files: () => ({}),
    steps: () => [['../../node_modules/typescript/bin/tsc'], ['--test', 'dist/app.test.js']],
  },
  'Jest (ts-jest)': {
    shim: 'runner.jest.ts',
    files: (cell) => jestConfig(cell, ['ts-jest', { useESM: cell.format === 'ESM' }]),
    steps: jest,
  },
  'Jest (swc)': {
    shim: 'runner.jest.ts',
    files: (cell) =>
      jestConfig(cell, [
        '@swc/jest',
        {
          swcrc: false,
          jsc: {
            target: 'es2022',
            parser: { syntax: 'typescript', decorators: true },
            transform: { legacyDecorator: true, decoratorMetadata: true },
          },
        },
      ]),
    steps: jest,
  },
  Vitest: {
    shim: 'runner.vitest.ts',
    files: () => ({
      'vitest.config.mjs': `export default { test: { include: ['src/*.test.ts'], setupFiles: ['reflect-metadata'], testTimeout: ${TEST_TIMEOUT} } };\n`,
    }),
    steps: () => [['../../node_modules/vitest/vitest.mjs', 'run']],
  },
};

function jest({ format }: Cell): string[][] {
  return [
    [
      ...(format === 'ESM' ? ['--experimental-vm-modules'] : []),
      '../../node_modules/jest/bin/jest.js',
      '--ci',
    ],
  ];
}

function jestConfig({ format }: Cell, transform: unknown): Record<string, string> {
  const config = {
    testEnvironment: 'node',
    testMatch: ['<rootDir>/src/*.test.ts'],
    testTimeout: TEST_TIMEOUT,
    moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
    transform: { '^.+\\.ts$': transform },
    ...(format === 'ESM' && { extensionsToTreatAsEsm: ['.ts'] }),
  };
  return { 'jest.config.json': JSON.stringify(config, null, 2) };
}

/**
 * Makes the application of a cell beside what is installed for it, and lets it run its tests.
 * @param databaseUrl a PostgreSQL, where it makes a schema of its own
 * @throws Error that shows what was said, if a test fails
 */
export async function testApplication(
  cell: Cell,
  { directory, versions }: Installation,
  databaseUrl: string,
): Promise<void> {
  const name = [cell.node, cell.format, cell.runner].join(' ').toLowerCase().replace(/\W+/g, '_');
  const project = join(directory, name);
  await rm(project, { recursive: true, force: true });
  await mkdir(join(project, 'src'), { recursive: true });
  const { shim, files, steps } = RUNNERS[cell.runner];
  await cp(new URL('app.test.ts', CONSUMER), join(project, 'src/app.test.ts'));
  await cp(new URL(shim, CONSUMER), join(project, 'src/runner.ts'));
  const type = cell.format === 'ESM' ? 'module' : 'commonjs';
  const written = {
    'package.json': JSON.stringify({ private: true, type }),
    'tsconfig.json': JSON.stringify({ compilerOptions: COMPILER, include: ['src'] }, null, 2),
    ...files(cell),
  };
  for (const [file, text] of Object.entries(written)) await writeFile(join(project, file), text);
  const env = {
    PATH: process.env.PATH,
    NO_COLOR: '1',
    DATABASE_URL: databaseUrl,
    WORKERS_SCHEMA: `m_${[cell.nest, cell.schedule, cell.typeorm].join('_').replaceAll('.', '_')}_${name}`,
    NODE: cell.node,
    NEST: versions.nest,
    SCHEDULE: versions.schedule,
    TYPEORM: versions.typeorm,
  };
  for (const args of steps(cell)) await run(nodeOf(Number(cell.node)), args, project, env);
}

/** Those of `nest new`, with strict types. */
const COMPILER = {
  target: 'ES2023',
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  types: ['node'],
  strict: true,
  isolatedModules: true,
  esModuleInterop: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  outDir: 'dist',
  rootDir: 'src',
};

async function run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: AT_MOST,
    killSignal: 'SIGKILL',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  const end = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(String(signal ?? code)));
  });
  if (end !== '0') throw new Error(`node ${args.join(' ')} ended with ${end}:\n${said}`);
}
