import { describe, expect, it } from '@jest/globals';
import { newId } from '../ids/typed-id.js';
import { InMemoryTelemetryStore } from './in-memory-telemetry.store.js';
import { SampleIntake } from './sample-intake.js';
import { DEFAULT_LIMITS } from './telemetry.options.js';

describe('the intake of samples', () => {
  const tenantId = newId('tenant');
  const sample = (value: number, at = new Date()) => ({ name: 'jobs_total', value, at });
  const intake = (store = new InMemoryTelemetryStore(), limits: Partial<typeof DEFAULT_LIMITS> = {}) => {
    const told: unknown[] = [];
    const events = { publish: async (event: { payload: unknown }) => void told.push(event.payload) };
    const parts = {
      store,
      events: events as never,
      limits: { ...DEFAULT_LIMITS, ...limits },
      keptFor: 3_600_000,
    };
    return { told, intake: new SampleIntake(parts) };
  };

  it('takes what can be stored, and counts what cannot, by its reason', async () => {
    const { told, intake: own } = intake(undefined, { samplesPerPush: 3 });
    const old = sample(2, new Date(Date.now() - 7_200_000));
    const result = await own.push(tenantId, [sample(1), old, sample(NaN), sample(4), sample(5)]);
    expect(result.accepted).toBe(1);
    expect(result.dropped).toMatchObject({ push: 2 });
    expect(Object.values(result.dropped).reduce((sum, count) => sum + count, 0)).toBe(4);
    expect(own.dropped()).toEqual(result.dropped);
    expect(told).toHaveLength(Object.keys(result.dropped).length);
    await own.push(tenantId, [sample(NaN)]);
    expect(told).toHaveLength(Object.keys(result.dropped).length);
  });

  it('takes samples while the store is away and cannot say which series have a place', async () => {
    const store = new InMemoryTelemetryStore();
    store.admit = () => Promise.reject(new Error('away'));
    store.mayTell = () => Promise.reject(new Error('away'));
    const { told, intake: own } = intake(store);
    expect(await own.push(tenantId, [sample(1), sample(NaN)])).toMatchObject({ accepted: 1 });
    expect(store.counts().samples.written).toBe(1);
    expect(told).toEqual([]);
  });
});
