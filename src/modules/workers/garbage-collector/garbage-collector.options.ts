import { ConfigurableModuleBuilder } from '@nestjs/common';
import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { type BrakeOptions, brakeOption, type BrakeSettings } from '../../brakes/brake.options.js';
import { parseInput } from '../../input/input.js';
import { count } from '../../input/count.js';
import { duration, durationOption } from '../../input/duration.js';

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
  /** The most that a pass removes in a tick; `deletions` and `images` have no limit. The next tick goes on. Default 10,000. */
  maxItemsPerTick?: number | undefined;
  /** Age below which anything but an instance is left alone. Default `instanceGracePeriod`. */
  gracePeriod?: Duration | undefined;
  /** How many deployments of each workload stay, the newest, beside those that are in use. Default 20. */
  keepDeployments?: number | undefined;
  /**
   * How many images of each repository stay, the newest, beside those in use. A removed one is pulled again when it is needed.
   * `false`: all stay. Default 5.
   */
  keepImages?: number | false | undefined;
  /** Whether volumes of deleted instances are removed with their data. Default false. */
  volumes?: boolean | undefined;
  /** Names of passes that do not run. Default none. */
  skip?: readonly string[] | undefined;
  /** Whether what is found is removed by every replica, where `WorkerModule` has a `fanOut`. Default true. */
  fanOut?: boolean | undefined;
  /** Only say in the log what would be deleted. Default false. */
  dryRun?: boolean | undefined;
  /**
   * Holds deletions back where workloads are lost rather than deleted, or so much looks orphaned that this is likely.
   * `false` turns it off. On by default.
   */
  brake?: false | BrakeOptions | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface GarbageCollectorSettings {
  readonly interval: number;
  readonly maxInstancesPerTick: number;
  readonly instanceGracePeriod: number;
  readonly maxItemsPerTick: number;
  readonly gracePeriod: number;
  readonly keepDeployments: number;
  readonly keepImages: number | false;
  readonly volumes: boolean;
  readonly skip: readonly string[];
  readonly fanOut: boolean;
  readonly dryRun: boolean;
  readonly brake: BrakeSettings | false;
}

const schema = z.strictObject({
  interval: durationOption('5m'),
  maxInstancesPerTick: count(1, 100_000).default(500),
  instanceGracePeriod: durationOption('15m'),
  maxItemsPerTick: count(1, 100_000).default(10_000),
  gracePeriod: duration().optional(),
  keepDeployments: count(1, 10_000).default(20),
  keepImages: z.union([z.literal(false), count(1, 10_000)]).default(5),
  volumes: z.boolean().default(false),
  skip: z.array(z.string()).default([]),
  fanOut: z.boolean().default(true),
  dryRun: z.boolean().default(false),
  brake: brakeOption(),
});

/** @throws InvalidInputError that names every option that cannot be */
export function garbageCollectorSettings(options: GarbageCollectorOptions): GarbageCollectorSettings {
  const { gracePeriod, ...settings } = parseInput('garbage collector option', schema, options);
  return { ...settings, gracePeriod: gracePeriod ?? settings.instanceGracePeriod };
}

/** Token of the checked options. */
export const GARBAGE_COLLECTOR_SETTINGS = Symbol.for('ctrlplane-workers/garbage-collector-settings');

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
