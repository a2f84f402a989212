import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import tseslint from 'typescript-eslint';

/** Data flows one way (ARCHITECTURE.md): each zone lists what the target folder may not import. */
const oneWay = (target, from, message) => ({
  target: `./src/${target}`,
  from: from.map((f) => `./src/${f}`),
  message,
});

const zones = [
  oneWay(
    'core',
    ['modules', 'app'],
    'The framework knows nothing of control planes: give it a port instead.',
  ),
  oneWay('core/timing', ['core/!(timing)/**'], 'timing is the bottom of core.'),
  ...['worker', 'registry', 'scheduler', 'coordination', 'execution', 'history', 'postgres'].map((room) =>
    oneWay(
      `core/${room}`,
      [
        'core/http',
        'core/dashboard',
        'core/terminus',
        'core/observability',
        'core/incidents',
        'core/testing',
      ],
      'Outcomes flow outwards: what shows runs depends on what makes them.',
    ),
  ),
  ...['worker', 'registry', 'timing', 'history'].map((room) =>
    oneWay(
      `core/${room}`,
      ['core/scheduler', 'core/execution'],
      'A tick flows timing -> scheduler -> execution.',
    ),
  ),
  oneWay(
    'core/coordination',
    ['core/scheduler'],
    'Who may run is decided without knowing what drives the runs.',
  ),
  oneWay('core/execution', ['core/scheduler', 'core/coordination'], 'A run does not know what drove it.'),
  oneWay('modules', ['app'], 'The library does not know the reference app.'),
  oneWay(
    'modules/!(schema|workers|testing)/**',
    ['modules/schema'],
    'The schema gathers the tables of all domains: a domain that needs a connection takes Transactions.',
  ),
  oneWay(
    'modules/!(workers|testing)/**',
    ['modules/workers'],
    'A domain module never imports a worker module.',
  ),
];

/** Node makes 1 ms of what is longer than its timers take, 24.8 days: `30d` would be over at once. */
const ONE_PLACE =
  'Waits go through core/timing/timer.ts, or the Clock, which know how long Node waits at the most.';
const WAITS = ['setTimeout', 'setInterval'];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'site/dist/',
      'site/pages/',
      'site/.vitepress/cache/',
      'coverage/',
      'node_modules/',
      '.data/',
    ],
  },
  ...tseslint.configs.recommended,
  {
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      'import-x/no-cycle': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['{src,test,bench,docs,examples}/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['describe', 'it'] }],
        },
      ],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Nest decorates empty module classes.
      '@typescript-eslint/no-extraneous-class': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.contract.ts'],
    rules: { 'max-lines': ['error', 300] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.contract.ts', 'src/core/timing/timer.ts'],
    rules: {
      'no-restricted-globals': ['error', ...WAITS.map((name) => ({ name, message: ONE_PLACE }))],
      'no-restricted-imports': [
        'error',
        {
          paths: ['timers', 'node:timers'].flatMap((name) => [
            { name, importNames: WAITS, message: ONE_PLACE },
            { name: `${name}/promises`, message: ONE_PLACE },
          ]),
        },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'AbortSignal', property: 'timeout', message: ONE_PLACE },
        ...WAITS.map((property) => ({ object: 'globalThis', property, message: ONE_PLACE })),
      ],
    },
  },
  {
    // A spec stands outside of its room: it may use the testing kit.
    files: ['**/*.spec.ts'],
    rules: { 'import-x/no-restricted-paths': 'off' },
  },
);
