import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type Type } from '@nestjs/common';
import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { InvalidInputError } from '../../input/input.errors.js';
import { parseInput, shown } from '../../input/input.js';
import { omit } from '../../input/omit.js';
import { type EgressOptions, EgressPolicy } from '../../network-policy/egress-policy.js';
import { type TelemetryOptions } from '../../telemetry/telemetry.options.js';
import { type TelemetryStore } from '../../telemetry/telemetry.store.js';
import { count } from '../../input/count.js';
import { durationOption, TIMER } from '../../input/duration.js';

/** Options of `TelemetryCollectorModule.forRoot`. */
export interface TelemetryCollectorOptions extends TelemetryOptions {
  /** Time between two ticks. Default 10 s. */
  interval?: Duration | undefined;
  /** What a provider, a collector or an endpoint gets at a tick. Default 5 s. */
  timeout?: Duration | undefined;
  /**
   * The part of the interval over which the sources and the endpoints are asked, each at its own place in it: 0 asks all at
   * once. Default half of the interval.
   */
  spread?: Duration | undefined;
  /** Providers and collectors asked at a time; and instances, of a provider that cannot tell of all at once. Default 8. */
  concurrency?: number | undefined;
  scrape?: ScrapeOptions | undefined;
  /** Whether every replica asks a part of the endpoints, where `WorkerModule` has a `fanOut`. Default true. */
  fanOut?: boolean | undefined;
}

/** How instances are asked that name a Prometheus endpoint of their own. */
export interface ScrapeOptions {
  /** Default true. */
  enabled?: boolean | undefined;
  /** At a time. Default 32. */
  concurrency?: number | undefined;
  /** Bytes of an answer. Default 5 MB. */
  maxBytes?: number | undefined;
  /** Samples of an answer. Default 2,000. */
  maxSeries?: number | undefined;
  /** Which addresses may be asked. Loopback and private ones must be allowed, as for health checks. */
  egress?: EgressOptions | undefined;
}

/** What has to be known when the module is made, and not by a factory. */
export interface TelemetryCollectorExtras {
  /** Where telemetry is kept. Default PostgreSQL, which needs the `DatabaseModule`. */
  store?: Type<TelemetryStore> | TelemetryStore;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface TelemetryCollectorSettings {
  readonly interval: number;
  readonly timeout: number;
  readonly spread: number;
  readonly concurrency: number;
  readonly fanOut: boolean;
  readonly scrape: {
    readonly enabled: boolean;
    readonly concurrency: number;
    readonly maxBytes: number;
    readonly maxSeries: number;
    readonly policy: EgressPolicy;
  };
}

const schema = z.strictObject({
  interval: durationOption('10s'),
  timeout: durationOption('5s', TIMER),
  spread: durationOption(0).optional(),
  concurrency: count(1, 1_000).default(8),
  fanOut: z.boolean().default(true),
  scrape: z.strictObject({
    enabled: z.boolean().default(true),
    concurrency: count(1, 1_000).default(32),
    maxBytes: count(1).default(5_000_000),
    maxSeries: count(1).default(2_000),
  }),
});

/** @throws InvalidInputError that names every option that cannot be */
export function telemetryCollectorSettings(options: TelemetryCollectorOptions): TelemetryCollectorSettings {
  // Retention and limits are checked by the store.
  const own = omit(options, 'retention', 'limits', 'maxBuffered');
  const { egress, ...scraping } = options.scrape ?? {};
  const settings = parseInput('telemetry collector option', schema, { ...own, scrape: scraping });
  const over = settings.spread ?? settings.interval / 2;
  if (over > settings.interval)
    throw new InvalidInputError('telemetry collector option', [
      `spread: ${shown(options.spread)} is more than the interval, ${settings.interval} ms`,
    ]);
  return { ...settings, spread: over, scrape: { ...settings.scrape, policy: new EgressPolicy(egress) } };
}

export const TELEMETRY_COLLECTOR_OPTIONS = Symbol.for('ctrlplane-workers/telemetry-collector-options');

export const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<TelemetryCollectorOptions>({
    optionsInjectionToken: TELEMETRY_COLLECTOR_OPTIONS,
  })
    .setClassMethodName('forRoot')
    .setExtras<TelemetryCollectorExtras>({}, (definition) => definition)
    .build();
