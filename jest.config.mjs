/** Two projects: `unit` (beside the source, the docs and the benches) and `system` (the built app as a user runs it: processes, terminals). */
const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': '@swc/jest',
    '^.+\\.cts$': [
      '@swc/jest',
      { swcrc: false, jsc: { parser: { syntax: 'typescript' }, target: 'es2023' } },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^(\\.{1,2}/.*/?(?:page-directory|child-file))\\.cjs$': '$1.cts',
  },
  setupFiles: ['reflect-metadata'],
  // Packages of their own, some with the same names as those here.
  modulePathIgnorePatterns: [
    '<rootDir>/.parts/',
    '<rootDir>/bench/peers/node_modules/',
    '<rootDir>/site/',
    '<rootDir>/test/consumers/nest-11-jest/',
  ],
};

export default {
  reporters: ['default', './test/support/left-out.reporter.mjs', './test/support/summary.reporter.mjs'],
  globalSetup: './test/support/global-setup.mjs',
  globalTeardown: './test/support/global-teardown.mjs',
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/{src,docs,bench}/**/*.spec.ts'] },
    {
      ...common,
      displayName: 'system',
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
      globalSetup: './test/support/checkout.setup.mjs',
      globalTeardown: './test/support/checkout.teardown.mjs',
      setupFilesAfterEnv: ['./test/support/patience.mjs'],
    },
  ],
  maxWorkers: 2,
  // A worker that has run a hundred files keeps their AsyncLocalStorages, and each new promise passes on all of them:
  // the simulation took ten times as long in it.
  workerIdleMemoryLimit: '400MB',
  // A virtual month is a hundred thousand steps: seconds, where others keep the machine busy.
  testTimeout: 60_000,
};
