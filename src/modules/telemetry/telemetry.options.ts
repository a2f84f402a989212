import { type Duration } from '../../core/timing/duration.js';

/** How telemetry is kept. */
export interface TelemetryOptions {
  /** How long what is kept. */
  retention?: {
    /** Every point. Default 24 h. */
    raw?: Duration;
    /** Rollups of a minute. Default 14 d. */
    minutes?: Duration;
    /** Rollups of an hour. Default 365 d. */
    hours?: Duration;
    /** Most bytes of all readings, and of all samples; above, the oldest hours go. Default 50 GB each. */
    maxRawBytes?: number;
  };
  limits?: Partial<TelemetryLimits>;
  /** Most readings, and most samples, that wait to be written; above, the oldest go. Default 200,000 each. */
  maxBuffered?: number;
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
