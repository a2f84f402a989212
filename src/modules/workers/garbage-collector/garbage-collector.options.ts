import { ConfigurableModuleBuilder } from '@nestjs/common';
import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { parseInput, shown } from '../../input/input.js';
import { countOption } from '../../input/count-option.js';
import { durationOption } from '../../input/duration-option.js';

/** Options of `GarbageCollectorModule.forRoot`. The defaults are cautious. */
export interface GarbageCollectorOptions {
  /** Time between two ticks. Default 5 m. */
  interval?: Duration | undefined;
  /** Instances that a tick examines of each tenant, oldest first; the next tick goes on. Default 500. */
  maxInstancesPerTick?: number | undefined;
  /**
   * Age below which an instance is left alone although its workload seems to be missing: its row may have been
   * written a moment before the workload's. Default 15 m.
   */
  instanceGracePeriod?: Duration | undefined;
  /** Only say in the log what would be deleted. Default false. */
  dryRun?: boolean | undefined;
  /**
   * Holds deletions back where workloads are lost rather than deleted, or so much looks orphaned that this is likely.
   * `false` turns it off. On by default.
   */
  brake?: false | BrakeOptions | undefined;
}

/**
 * When the brake engages by numbers, in a tenant, or in all tenants that have orphans when all are looked at together.
 * Where a workload or a tenant is gone that nobody is known to have deleted, or there is no workload at all, it engages
 * whatever the numbers are.
 */
export interface BrakeOptions {
  /** Share of the examined instances, 0 to 1, from which on too many look orphaned. Default 0.5. */
  share?: number | undefined;
  /** Fewer orphans than this never engage it by their share. Default 10. */
  minimum?: number | undefined;
  /** How long the same set must have been seen until it is deleted without anybody's word. Default 15 m. */
  confirmAfter?: Duration | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface GarbageCollectorSettings {
  readonly interval: number;
  readonly maxInstancesPerTick: number;
  readonly instanceGracePeriod: number;
  readonly dryRun: boolean;
  readonly brake: BrakeSettings | false;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface BrakeSettings {
  readonly share: number;
  readonly minimum: number;
  readonly confirmAfter: number;
}

const notAShare = {
  error: ({ input }: { input?: unknown }) => `${shown(input)} is not a share from 0 to 1`,
};

const brake = z.strictObject({
  share: z.number(notAShare).min(0, notAShare).max(1, notAShare).default(0.5),
  minimum: countOption(100_000).default(10),
  confirmAfter: durationOption('15m'),
});

const schema = z.strictObject({
  interval: durationOption('5m'),
  maxInstancesPerTick: countOption(100_000).default(500),
  instanceGracePeriod: durationOption('15m'),
  dryRun: z.boolean().default(false),
  brake: z
    .unknown()
    .default({})
    .transform((value, context) => {
      if (value === false) return false;
      const parsed = brake.safeParse(value);
      if (parsed.success) return parsed.data;
      for (const { path, message } of parsed.error.issues)
        context.addIssue({ code: 'custom', path, message });
      return z.NEVER;
    }),
});

/** @throws InvalidInputError that names every option that cannot be */
export function garbageCollectorSettings(options: GarbageCollectorOptions): GarbageCollectorSettings {
  return parseInput('garbage collector option', schema, options);
}

export const {
  ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: GARBAGE_COLLECTOR_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<GarbageCollectorOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/garbage-collector-options'),
})
  .setClassMethodName('forRoot')
  .build();
