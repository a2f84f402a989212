import { ConfigurableModuleBuilder } from '@nestjs/common';
import { z } from 'zod';
import { type Duration, parseDuration } from '../../../core/timing/duration.js';
import { parseInput, shown } from '../../input/input.js';
import { DEFAULT_INSTANCE_BACKOFF } from '../../instances/instance-backoff.js';

/** Options of `ReconcilerModule.forRoot`. */
export interface ReconcilerOptions {
  /** Time between two passes over everything. What is seen to happen is repaired at once. Default 60 s. */
  interval?: Duration;
  /** How many stores, instances, datacenters and workloads are worked on at a time, of each. Default 8. */
  concurrency?: number;
  /** What the comparison of one store may take; one that hangs holds up no other. Default 30 s. */
  storeTimeout?: Duration;
  /** What repairing one instance may take. Default 30 s. */
  instanceTimeout?: Duration;
  /** What a bootstrap hook may take. Default 10 s. */
  hookTimeout?: Duration;
  /** How instances are tried again. */
  backoff?: {
    /** Wait after the second failure in a row; the first is repaired at once. Default 1 s. */
    initial?: Duration;
    /** Longest wait. Default 5 m. */
    max?: Duration;
    /** How many failures in a row make it crash-looping. Default 3. */
    crashLoopAfter?: number;
    /** How long an instance has to run until its failures are forgotten. Default 2 m. */
    stableAfter?: Duration;
  };
  /** After how long it is told that a change waits for a replica that reaches the instance's store. Default 2 m. */
  waitingAfter?: Duration;
  /** Only say in the log what would be changed. Default false. */
  dryRun?: boolean;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export type ReconcilerSettings = z.output<typeof schema>;

const duration = (fallback: Duration) =>
  z
    .any()
    .default(fallback)
    .transform((value, context) => {
      try {
        return parseDuration(value);
      } catch (error) {
        context.addIssue((error as Error).message);
        return z.NEVER;
      }
    });

function count(most: number) {
  const error = ({ input }: { input?: unknown }) => `${shown(input)} is not a whole number from 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error });
}

const { initial, max, crashLoopAfter, stableAfter } = DEFAULT_INSTANCE_BACKOFF;

const schema = z.strictObject({
  interval: duration('60s'),
  concurrency: count(1_000).default(8),
  storeTimeout: duration('30s'),
  instanceTimeout: duration('30s'),
  hookTimeout: duration('10s'),
  backoff: z
    .strictObject({
      initial: duration(initial),
      max: duration(max),
      crashLoopAfter: count(1_000).default(crashLoopAfter),
      stableAfter: duration(stableAfter),
    })
    .prefault({}),
  waitingAfter: duration('2m'),
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
} = new ConfigurableModuleBuilder<ReconcilerOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/reconciler-options'),
})
  .setClassMethodName('forRoot')
  .build();
