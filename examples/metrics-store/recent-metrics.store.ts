import { Injectable } from '@nestjs/common';
import { InMemoryTelemetryStore, type StoredSample } from 'ctrlplane-workers/control-plane';

/** The store in memory, which also counts what passes through it. A whole one of your own extends `TelemetryStore`. */
@Injectable()
export class RecentMetricsStore extends InMemoryTelemetryStore {
  passed = 0;

  constructor() {
    super({ activeSeries: 1_000 });
  }

  override addSamples(samples: readonly StoredSample[]): void {
    this.passed += samples.length;
    super.addSamples(samples);
  }
}
