import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { type ConfigureRequest } from '../../health-checks/health.service.js';
import { type HealthOptions } from '../../health-checks/health-module.options.js';
import { parseAddress } from '../../health-checks/probes/target.js';
import { parseInput, shown } from '../../input/input.js';
import { count } from '../../input/count.js';
import { durationOption } from '../../input/duration.js';

/** How the worker `health_runner` runs checks. */
export interface HealthRunnerOptions extends HealthOptions {
  /** Time between two claims of what falls due. Default 1 s. */
  interval?: Duration | undefined;
  /** How far ahead it claims: each check starts at its own instant all the same. More than the interval. Default 3 s. */
  horizon?: Duration | undefined;
  /** Most checks at a time in this process. Default 1,000. */
  concurrency?: number | undefined;
  /** Most checks at a time of one host and port. Default 20. */
  concurrencyPerTarget?: number | undefined;
  /** Most checks at a time of one tenant. Default four fifths of `concurrency`: one with slow targets leaves room for others. */
  concurrencyPerTenant?: number | undefined;
  /**
   * Addresses (`host:port`) that answer whenever this replica's network works. Where most targets fail at once, they are
   * believed to have failed if one of these answers. Default none: then a second replica has to see it too.
   */
  references?: readonly string[] | undefined;
  /** The application's own checks, made or changed at start by their name. */
  checks?: readonly ConfigureRequest[] | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface HealthRunnerSettings {
  readonly interval: number;
  readonly horizon: number;
  readonly concurrency: number;
  readonly concurrencyPerTarget: number;
  readonly concurrencyPerTenant: number;
  readonly references: readonly string[];
}

export const HEALTH_RUNNER_OPTIONS = Symbol.for('ctrlplane-workers/health-runner-options');

const schema = z
  .object({
    interval: durationOption('1s', { min: 100, max: '10s' }),
    horizon: durationOption('3s', { min: 100, max: '1m' }),
    concurrency: count(1, 100_000).default(1_000),
    concurrencyPerTarget: count(1, 100_000).default(20),
    concurrencyPerTenant: count(1, 100_000).optional(),
    references: z
      .array(
        z.string().refine((address) => parseAddress(address) !== undefined, {
          error: ({ input }) => `${shown(input)} is no address: give host:port`,
        }),
      )
      .default([]),
  })
  .refine(({ interval, horizon }) => horizon > interval, {
    path: ['horizon'],
    error: 'is not longer than interval: what falls due between two claims would start late',
  });

/** @throws InvalidInputError that names every option that cannot be */
export function healthRunnerSettings(options: HealthRunnerOptions): HealthRunnerSettings {
  const settings = parseInput('health runner option', schema, options);
  const { concurrency, concurrencyPerTenant = Math.ceil(concurrency * 0.8) } = settings;
  return { ...settings, concurrencyPerTenant };
}
