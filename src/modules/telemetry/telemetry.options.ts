import { z } from 'zod';
import { type Duration } from '../../core/timing/duration.js';
import { count } from '../input/count.js';
import { durationOption } from '../input/duration.js';
import { InvalidInputError } from '../input/input.errors.js';
import { parseInput } from '../input/input.js';

/** How telemetry is kept. */
export interface TelemetryOptions {
  /** How long what is kept. */
  retention?:
    | {
        /** Every point; at least an hour. Default 24 h. */
        raw?: Duration | undefined;
        /** Rollups of a minute; at least as long as points. Default 14 d. */
        minutes?: Duration | undefined;
        /** Rollups of an hour; at least as long as those of a minute. Default 365 d. */
        hours?: Duration | undefined;
        /** Most bytes of all readings, and of all samples; above, the oldest hours go. Default 50 GB each. */
        maxRawBytes?: number | undefined;
      }
    | undefined;
  limits?: Partial<TelemetryLimits> | undefined;
  /** Most readings, and most samples, that wait to be written; above, the oldest go. Default 200,000 each. */
  maxBuffered?: number | undefined;
}

/** What a tenant may store. What is beyond is dropped, counted, and told by one `telemetry.limited` an hour. */
export interface TelemetryLimits {
  /** Series that had a sample within the last hour. Default 10,000. */
  activeSeries: number;
  /** Samples of one push. Default 10,000. */
  samplesPerPush: number;
  /** Labels of a series. Default 30. */
  labels: number;
  /** Characters of a name of a metric or label. Default 200. */
  nameLength: number;
  /** Characters of the value of a label. Default 500. */
  valueLength: number;
}

export const DEFAULT_LIMITS: TelemetryLimits = {
  activeSeries: 10_000,
  samplesPerPush: 10_000,
  labels: 30,
  nameLength: 200,
  valueLength: 500,
};

export const TELEMETRY_OPTIONS = Symbol.for('ctrlplane-workers/telemetry-options');

export const DEFAULT_RETENTION = { raw: '24h', minutes: '14d', hours: '365d', maxRawBytes: 50e9 } as const;

const schema = z.strictObject({
  retention: z
    .strictObject({
      raw: durationOption(DEFAULT_RETENTION.raw),
      minutes: durationOption(DEFAULT_RETENTION.minutes),
      hours: durationOption(DEFAULT_RETENTION.hours),
      maxRawBytes: count(1).optional(),
    })
    .prefault({}),
  limits: z
    .strictObject({
      activeSeries: count(1).optional(),
      samplesPerPush: count(1).optional(),
      labels: count(0).optional(),
      nameLength: count(1).optional(),
      valueLength: count(1).optional(),
    })
    .optional(),
  maxBuffered: count(1).optional(),
});

const HOUR = 3_600_000;

/** The options as they are. @throws InvalidInputError that names every one that cannot be */
export function checkTelemetryOptions(options: TelemetryOptions): TelemetryOptions {
  const { raw, minutes, hours } = parseInput('telemetry option', schema, options).retention;
  const faults: string[] = [];
  if (raw < HOUR) faults.push(`retention.raw: ${raw} ms is less than an hour, of which rollups are made`);
  if (minutes < raw) faults.push(`retention.minutes: ${minutes} ms is less than retention.raw, ${raw} ms`);
  if (hours < minutes)
    faults.push(`retention.hours: ${hours} ms is less than retention.minutes, ${minutes} ms`);
  if (faults.length > 0) throw new InvalidInputError('telemetry option', faults);
  return options;
}
