import { type EventBus } from '../events/event-bus.js';
import { type TenantId } from '../ids/typed-id.js';
import { type MetricSample, seriesKey, type StoredSample } from './metric.js';
import { checkSample, type SampleFault } from './metric-input.js';
import { type TelemetryLimits } from './telemetry.options.js';
import { type TelemetryStore } from './telemetry.store.js';

/** What became of a push. */
export interface PushResult {
  accepted: number;
  /** By reason. Samples that were not taken, and will not be later. */
  dropped: Partial<Record<SampleFault, number>>;
}

export interface SampleIntakeParts {
  store: Pick<TelemetryStore, 'admit' | 'addSamples' | 'mayTell'>;
  events?: Pick<EventBus, 'publish'> | undefined;
  limits: TelemetryLimits;
  /** Milliseconds for which points are kept: older ones are not taken. */
  keptFor: number;
}

/**
 * Takes the samples that a tenant pushes: checks each, drops and counts what cannot be stored, and tells the tenant of that by
 * `telemetry.limited`, for each reason at most once an hour.
 */
export class SampleIntake {
  private readonly counts: Partial<Record<SampleFault, number>> = {};

  constructor(private readonly parts: SampleIntakeParts) {}

  async push(tenantId: TenantId, samples: readonly MetricSample[]): Promise<PushResult> {
    const { store, limits, keptFor } = this.parts;
    const dropped: PushResult['dropped'] = {};
    const drop = (fault: SampleFault, count = 1): void => {
      if (count > 0) dropped[fault] = (dropped[fault] ?? 0) + count;
    };
    drop('push', Math.max(0, samples.length - limits.samplesPerPush));
    const checks = { now: Date.now(), keptFor, limits };
    const checked: StoredSample[] = [];
    for (const sample of samples.slice(0, limits.samplesPerPush)) {
      const result = checkSample(tenantId, sample, checks);
      if (typeof result === 'string') drop(result);
      else checked.push(result);
    }
    const admitted = await this.admitted(tenantId, checked);
    drop('series', checked.length - admitted.length);
    store.addSamples(admitted);
    await this.tellDropped(tenantId, dropped);
    return { accepted: admitted.length, dropped };
  }

  /** What was dropped since this process started, by reason. */
  dropped(): Partial<Record<SampleFault, number>> {
    return { ...this.counts };
  }

  /** Those whose series are within the limit. While the store is away that is not known: it decides later. */
  private async admitted(tenantId: TenantId, samples: StoredSample[]): Promise<StoredSample[]> {
    if (samples.length === 0) return samples;
    let places: Set<string>;
    try {
      places = await this.parts.store.admit(
        tenantId,
        samples.map(({ series }) => series),
      );
    } catch {
      return samples;
    }
    return samples.filter(({ series }) => places.has(seriesKey(series)));
  }

  private async tellDropped(tenantId: TenantId, dropped: PushResult['dropped']): Promise<void> {
    for (const [fault, count] of Object.entries(dropped) as [SampleFault, number][]) {
      this.counts[fault] = (this.counts[fault] ?? 0) + count;
      try {
        if (this.parts.events && (await this.parts.store.mayTell(tenantId, `samples.${fault}`)))
          await this.parts.events.publish({
            type: 'telemetry.limited',
            tenantId,
            payload: { reason: fault, dropped: count, limits: this.parts.limits },
          });
      } catch {
        // The database is away: the samples are counted all the same, and the next that is dropped is told.
      }
    }
  }
}
