import { ConfigurableModuleBuilder, type Type } from '@nestjs/common';
import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { parseInput } from '../../input/input.js';
import { DEFAULT_INSTANCE_BACKOFF } from '../../instances/instance-backoff.js';
import { count } from '../../input/count.js';
import { durationOption } from '../../input/duration.js';
import { type BrakeOptions, brakeOption } from '../../brakes/brake.options.js';
import { type DriftRepository } from './drift.repository.js';

/** Options of `ReconcilerModule.forRoot`. */
export interface ReconcilerOptions {
  /** Time between two passes over everything. What is seen to happen is repaired at once. Default 60 s. */
  interval?: Duration | undefined;
  /** How many stores, instances, datacenters and workloads are worked on at a time, of each. Default 8. */
  concurrency?: number | undefined;
  /** What the comparison of one store may take; one that hangs holds up no other. Default 30 s. */
  storeTimeout?: Duration | undefined;
  /** What repairing one instance may take. Default 30 s. */
  instanceTimeout?: Duration | undefined;
  /** What a bootstrap hook may take. Default 10 s. */
  hookTimeout?: Duration | undefined;
  /** How instances are tried again. */
  backoff?:
    | {
        /** Wait after the second failure in a row; the first is repaired at once. Default 1 s. */
        initial?: Duration | undefined;
        /** Longest wait. Default 5 m. */
        max?: Duration | undefined;
        /** How many failures in a row make it crash-looping. Default 3. */
        crashLoopAfter?: number | undefined;
        /** How long an instance has to run until its failures are forgotten. Default 2 m. */
        stableAfter?: Duration | undefined;
      }
    | undefined;
  /** After how long it is told that a change waits for a replica that reaches the instance's store. Default 2 m. */
  waitingAfter?: Duration | undefined;
  /** How long what a provider holds must have been without a row until it is removed. Default 15 m. */
  orphanGracePeriod?: Duration | undefined;
  /**
   * Holds the removal of what has no row back where rows are lost rather than deleted, or too much has none. `false` turns it
   * off. On by default; give the garbage collector the same.
   */
  brake?: false | BrakeOptions | undefined;
  /** Whether every replica reconciles datacenters and workloads, where `WorkerModule` has a `fanOut`. Default true. */
  fanOut?: boolean | undefined;
  /** Only say in the log what would be changed. Default false. */
  dryRun?: boolean | undefined;
}

/** What is given beside the options, also to `forRootAsync`. */
export interface ReconcilerExtras {
  /** Where rows are compared and stores are held; a class, or one that is made already. Default Postgres. */
  store?: Type<DriftRepository> | DriftRepository;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export type ReconcilerSettings = z.output<typeof schema>;

const { initial, max, crashLoopAfter, stableAfter } = DEFAULT_INSTANCE_BACKOFF;

const schema = z.strictObject({
  interval: durationOption('60s'),
  concurrency: count(1, 1_000).default(8),
  storeTimeout: durationOption('30s'),
  instanceTimeout: durationOption('30s'),
  hookTimeout: durationOption('10s'),
  backoff: z
    .strictObject({
      initial: durationOption(initial),
      max: durationOption(max),
      crashLoopAfter: count(1, 1_000).default(crashLoopAfter),
      stableAfter: durationOption(stableAfter),
    })
    .prefault({}),
  waitingAfter: durationOption('2m'),
  orphanGracePeriod: durationOption('15m'),
  brake: brakeOption(),
  fanOut: z.boolean().default(true),
  dryRun: z.boolean().default(false),
});

/** @throws InvalidInputError that names every option that cannot be */
export function reconcilerSettings(options: ReconcilerOptions): ReconcilerSettings {
  return parseInput('reconciler option', schema, options);
}

export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: RECONCILER_OPTIONS,
  OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<ReconcilerOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/reconciler-options'),
})
  .setClassMethodName('forRoot')
  .setExtras<ReconcilerExtras>({}, (definition) => definition)
  .build();
