import { describe, it } from '@jest/globals';
import { InMemoryTelemetryStore } from './in-memory-telemetry.store.js';
import { telemetryStoreContract } from './telemetry.store.contract.js';

describe('InMemoryTelemetryStore', () => {
  const store = new InMemoryTelemetryStore({ activeSeries: 5 });
  for (const { name, run } of telemetryStoreContract(() => ({ store }))) it(name, run);
});
