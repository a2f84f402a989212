import { ConfigurableModuleBuilder } from '@nestjs/common';
import { z } from 'zod';
import { type Duration, parseDuration } from '../../../core/timing/duration.js';
import { parseInput, shown } from '../../input/input.js';

/** Options of `GarbageCollectorModule.forRoot`. The defaults are cautious. */
export interface GarbageCollectorOptions {
  /** Time between two ticks. Default 5 m. */
  interval?: Duration;
  /** Instances that a tick examines of each tenant, oldest first; the next tick goes on. Default 500. */
  maxInstancesPerTick?: number;
  /**
   * Age below which an instance is left alone although its workload seems to be missing: its row may have been
   * written a moment before the workload's. Default 15 m.
   */
  instanceGracePeriod?: Duration;
  /** Only say in the log what would be deleted. Default false. */
  dryRun?: boolean;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface GarbageCollectorSettings {
  readonly interval: number;
  readonly maxInstancesPerTick: number;
  readonly instanceGracePeriod: number;
  readonly dryRun: boolean;
}

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
const notACount = {
  error: ({ input }: { input?: unknown }) => `${shown(input)} is not a whole number from 1 to 100000`,
};

const schema = z.strictObject({
  interval: duration('5m'),
  maxInstancesPerTick: z.int(notACount).min(1, notACount).max(100_000, notACount).default(500),
  instanceGracePeriod: duration('15m'),
  dryRun: z.boolean().default(false),
});

/** @throws InvalidInputError that names every option that cannot be */
export function garbageCollectorSettings(options: GarbageCollectorOptions): GarbageCollectorSettings {
  return parseInput('garbage collector option', schema, options);
}

export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: GARBAGE_COLLECTOR_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<GarbageCollectorOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/garbage-collector-options'),
})
  .setClassMethodName('forRoot')
  .build();
