import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { newId } from '../ids/typed-id.js';
import { InMemoryTelemetryStore } from './in-memory-telemetry.store.js';
import { telemetryStoreContract } from './telemetry.store.contract.js';

describe('InMemoryTelemetryStore', () => {
  const store = new InMemoryTelemetryStore({ activeSeries: 5 });
  for (const { name, run } of telemetryStoreContract(() => ({ store }))) it(name, run);

  it('keeps n points, the newest, and no series of which there are none any more', async () => {
    const small = new InMemoryTelemetryStore({ points: 3 });
    const tenantId = newId('tenant');
    const now = Date.now();
    const add = (name: string, ...ago: number[]): void =>
      small.addSamples(
        ago.map((seconds) => ({
          tenantId, series: { name, labels: {}, kind: 'gauge' as const }, at: new Date(now - seconds * 1_000), value: seconds, startedAt: null,
        })), // prettier-ignore
      );
    jest.spyOn(Date, 'now').mockReturnValue(now - 2 * 3_600_000);
    add('old', 90, 80);
    jest.spyOn(Date, 'now').mockReturnValue(now);
    add('new', 3, 2, 1);
    const names = async () => (await small.findSeries(tenantId, { limit: 10 })).map(({ name }) => name);
    expect(await names()).toEqual(['old', 'new']);
    expect(await small.maintain()).toMatchObject({ collected: 1 });
    expect(await names()).toEqual(['new']);
    add('old', 4);
    add('new', 0);
    expect(await small.maintain()).toMatchObject({ collected: 0 });
    const latest = await small.latestSamplesAcrossTenants({ since: new Date(0), limit: 10 });
    expect(latest.map(({ value }) => value)).toEqual([0]);
    expect(new Set((await small.findSeries(tenantId, { limit: 10 })).map(({ id }) => id)).size).toBe(2);
  });
  afterEach(() => void jest.restoreAllMocks());
});
