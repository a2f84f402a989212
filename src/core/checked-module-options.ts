import { type Provider } from '@nestjs/common';
import { type RetentionOptions } from './history/retention.options.js';
import { type IsolationDefaults } from './isolation/isolation.options.js';
import { oneOf } from './registry/worker-rules.js';
import { type DrainOptions } from './scheduler/drain.js';
import { leaseOption } from './scheduler/scheduler.options.js';
import { flag, isOptions, kindOf, type OptionNames, unknownOptions } from './text/option-names.js';
import { Problems } from './text/problems.js';
import { property } from './text/shown.js';
import { type WorkerModuleOptions } from './worker-module.options.js';
import { InvalidModuleOptionsError } from './worker.module.errors.js';
import { WORKER_OPTIONS } from './worker/module-options.token.js';

const NAMES: OptionNames<WorkerModuleOptions> = {
  workers: true,
  globalEnhancers: true,
  history: true,
  retention: true,
  release: true,
  coordination: true,
  lease: true,
  drain: true,
  maxConcurrentRuns: true,
  autoStart: true,
  run: true,
  onError: true,
  adopt: true,
  scheduleModule: true,
  fanOut: true,
  isolation: true,
};

const FLAGS = ['globalEnhancers', 'autoStart', 'run'] as const;

/** Options that are objects. `false` switches some of them off. */
const NESTED = {
  drain: { timeout: true, abortGrace: true, deadline: true } satisfies OptionNames<DrainOptions>,
  retention: { maxAge: true, maxRuns: true } satisfies OptionNames<RetentionOptions>,
  isolation: {
    module: true,
    export: true,
    memory: true,
    grace: true,
    execArgv: true,
    idle: true,
  } satisfies OptionNames<IsolationDefaults>,
  adopt: { cronJobs: true, intervals: true, timeouts: true } satisfies OptionNames<
    NonNullable<WorkerModuleOptions['adopt']>
  >,
};
const MAY_BE_OFF = new Set<string>(['retention', 'isolation']);

/** By option, a method of what it takes, and how to get one. */
const PARTS = {
  history: ['save', 'postgresHistory({ … }), or a RunStore of your own'],
  coordination: ['claim', 'postgres({ … })'],
  fanOut: ['run', 'bullMq({ … }) or pgBoss({ … })'],
} as const;

/** The provider of the module's options, which checks them before any other provider reads them. */
export function checkingOptions(provider: Provider): Provider {
  if (typeof provider === 'function' || provider.provide !== WORKER_OPTIONS) return provider;
  if ('useValue' in provider)
    return { provide: WORKER_OPTIONS, useFactory: () => checkedModuleOptions(provider.useValue) };
  if (!('useFactory' in provider)) return provider;
  const { useFactory } = provider;
  return { ...provider, useFactory: async (...args) => checkedModuleOptions(await useFactory(...args)) };
}

/**
 * Checks what the parts do not check themselves: without types, such options would silently have no effect.
 * @throws InvalidModuleOptionsError that lists everything that is wrong
 */
export function checkedModuleOptions(options: unknown): WorkerModuleOptions {
  if (!isOptions(options))
    throw new InvalidModuleOptionsError([
      `${kindOf(options)} is no object with options: give one, {} for the defaults`,
    ]);
  const problems = new Problems();
  problems.add(...unknownOptions(options, NAMES));
  const check = (name: string, rule: (given: unknown) => unknown): void => {
    if (options[name] !== undefined) problems.checked(name, undefined, () => rule(options[name]));
  };
  for (const name of FLAGS) check(name, (given) => flag(given as boolean));
  for (const [name, names] of Object.entries(NESTED))
    if (options[name] !== undefined && !(MAY_BE_OFF.has(name) && options[name] === false))
      problems.add(...unknownOptions(options[name], names, name));
  for (const [name, [method, example]] of Object.entries(PARTS))
    check(name, (given) => {
      if (typeof property(given, method) !== 'function')
        throw new Error(`${kindOf(given)} is none: give ${example}`);
    });
  check('workers', requireOverrides);
  check('scheduleModule', (given) => oneOf(['refuse', 'ignore'], given as 'refuse'));
  check('onError', (given) => {
    if (typeof given !== 'function')
      throw new Error(`${kindOf(given)} is no function: give one, which gets the run and its error`);
  });
  if (problems.all.length > 0) throw new InvalidModuleOptionsError(problems.all);
  leaseOption(options['lease'] as WorkerModuleOptions['lease']);
  return options;
}

/** Their options are checked with those of the worker. */
function requireOverrides(given: unknown): void {
  if (!isOptions(given))
    throw new Error(
      `${kindOf(given)} is no object: give options by the name of the worker, { usage: { timeout: '1m' } }`,
    );
}
