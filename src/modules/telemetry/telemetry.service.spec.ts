import { type DiscoveryService } from '@nestjs/core';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { withClaims } from '../auth/claims.js';
import { type EventBus } from '../events/event-bus.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { InMemoryTelemetryStore } from './in-memory-telemetry.store.js';
import { type MetricSample } from './metric.js';
import { MetricCollectorRegistry } from './metric-collector.registry.js';
import { type TelemetryOptions } from './telemetry.options.js';
import { type MetricQuery, TelemetryService } from './telemetry.service.js';

const MINUTE = 60_000;

describe('TelemetryService', () => {
  const tenantId = newId('tenant');
  let told: { type: string; tenantId?: string; payload: Record<string, unknown> }[];
  let store: InMemoryTelemetryStore;
  let service: TelemetryService;
  /** A whole minute a while ago. */
  let start: number;

  beforeEach(() => make());

  function make(options: TelemetryOptions = {}): void {
    told = [];
    store = new InMemoryTelemetryStore(options.limits);
    const events = { publish: async (event: (typeof told)[number]) => void told.push(event) };
    const collectors = new MetricCollectorRegistry(null as unknown as DiscoveryService);
    service = new TelemetryService(store, collectors, options, events as unknown as EventBus);
    start = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;
  }

  const as = <T>(tenant: TenantId, fn: () => T): T =>
    withClaims({ subject: 'user:ann', tenantId: tenant, roles: [] }, fn);
  const push = (...samples: MetricSample[]) => as(tenantId, () => service.pushMetrics(tenantId, samples));
  const at = (seconds: number): Date => new Date(start + seconds * 1_000);
  const query = (given: Partial<MetricQuery> = {}) =>
    as(tenantId, () =>
      service.queryMetrics(tenantId, {
        name: 'jobs_total',
        since: at(0),
        until: at(180),
        step: '1m',
        ...given,
      }),
    );

  it('gives back what was pushed: counters as a rate by default, gauges as a mean, gaps as gaps', async () => {
    await push(
      { name: 'jobs_total', value: 10, at: at(5) },
      { name: 'jobs_total', value: 40, at: at(30) },
      { name: 'jobs_total', value: 70, at: at(130) },
      { name: 'length', labels: { queue: 'mail' }, value: 4, at: at(10) },
      { name: 'length', labels: { queue: 'mail' }, value: 8, at: at(20) },
    );
    expect(await query()).toEqual({
      name: 'jobs_total',
      step: MINUTE,
      series: [
        {
          labels: {}, kind: 'counter', aggregation: 'rate', instanceId: undefined,
          points: [{ at: at(0), value: 0.5 }, { at: at(120), value: 0.5 }],
        },
      ],
    }); // prettier-ignore
    const { series } = await query({ name: 'length', labels: { queue: 'mail' } });
    expect(series).toMatchObject([{ kind: 'gauge', aggregation: 'avg', points: [{ value: 6 }] }]);
    for (const [aggregation, value] of Object.entries({ min: 4, max: 8, sum: 12, count: 2, last: 8 }))
      expect(
        (await query({ name: 'length', aggregation: aggregation as 'min' })).series[0]!.points[0]!.value,
      ).toBe(value);
    expect((await query({ aggregation: 'increase' })).series[0]!.points.map(({ value }) => value)).toEqual([
      30, 30,
    ]);
  });

  it.each<[string, Partial<MetricSample>]>([
    ['name', { name: '9lives' }],
    ['name', { name: 'x'.repeat(201) }],
    ['name', { name: undefined }],
    ['labels', { labels: { 'no-label': 'x' } }],
    ['labels', { labels: { a: 'x'.repeat(501) } }],
    ['labels', { labels: { a: 'nul\u0000' } }],
    ['labels', { labels: { a: 1 as unknown as string } }],
    ['labels', { labels: Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`l${n}`, 'x'])) }],
    ['labels', { labels: { __name__: 'other' } }],
    ['labels', { labels: JSON.parse('{"__proto__":"x"}') as Record<string, string> }],
    ['labels', { labels: 'abc' as unknown as Record<string, string> }],
    ['labels', { labels: ['a'] as unknown as Record<string, string> }],
    ['labels', { labels: { a: '\ud800' } }],
    ['kind', { kind: 'histogram' as 'gauge' }],
    ['value', { value: NaN }],
    ['value', { value: Infinity }],
    ['value', { value: '1' as unknown as number }],
    ['time', { at: new Date(NaN) }],
    ['time', { at: new Date(Date.now() - 25 * 60 * MINUTE) }],
    ['time', { at: new Date(Date.now() + 10 * MINUTE) }],
    ['time', { at: new Date(8.64e15) }],
    ['time', { at: new Date(-8.64e15) }],
    ['time', { at: '2026-01-01' as unknown as Date }],
    ['time', { startedAt: new Date(Date.now() + MINUTE) }],
    ['time', { startedAt: 5 as unknown as Date }],
    ['instance', { instanceId: {} as 'inst_x' }],
    ['instance', { instanceId: 'inst_x' }],
  ])('drops a sample for its %s: %j, and no other', async (fault, given) => {
    const result = await push({ name: 'fine', value: 1 }, { name: 'jobs_total', value: 1, ...given });
    expect(result).toEqual({ accepted: 1, dropped: { [fault]: 1 } });
    expect(service.counts().limited).toEqual({ [fault]: 1 });
  });

  it('takes what is null as what is not there', async () => {
    const nothing = {
      labels: null,
      at: null,
      startedAt: null,
      instanceId: null,
      kind: null,
    } as unknown as MetricSample;
    expect(await push({ ...nothing, name: 'm', value: 1 }, null as unknown as MetricSample)).toEqual({
      accepted: 1,
      dropped: { name: 1 },
    });
  });

  it('drops what is beyond the samples of a push and the series of a tenant, and tells it once an hour', async () => {
    make({ limits: { samplesPerPush: 5, activeSeries: 3 } });
    const named = (n: number): MetricSample => ({ name: 'm', labels: { n: String(n) }, value: n });
    const samples = [1, 2, 3, 4, 5, 6, 7].map(named);
    expect(await push(...samples)).toEqual({ accepted: 3, dropped: { push: 2, series: 2 } });
    expect(await push(...samples)).toEqual({ accepted: 3, dropped: { push: 2, series: 2 } });
    expect(service.counts().limited).toEqual({ push: 4, series: 4 });
    expect(told.map(({ type, tenantId: whose, payload }) => [type, whose, payload['reason'], payload['dropped']])).toEqual([
      ['telemetry.limited', tenantId, 'push', 2],
      ['telemetry.limited', tenantId, 'series', 2],
    ]); // prettier-ignore
  });

  it('takes samples while the store cannot say whether there is a place', async () => {
    store.admit = () => Promise.reject(new Error('connection refused'));
    expect(await push({ name: 'm', value: 1 })).toEqual({ accepted: 1, dropped: {} });
  });

  it.each<[string, Partial<MetricQuery>]>([
    ['is not before until', { since: new Date(2_000), until: new Date(1_000) }],
    ['not an instant', { since: new Date(NaN) }],
    ['is not a duration', { step: 'often' as '1s' }],
    ['is not at least a second', { step: 0 }],
    ['whole number of minutes', { step: '90s' }],
    ['more than 11000 windows', { since: new Date(Date.now() - 20 * 3_600_000), step: '1s' }],
    ['is none of avg, min', { aggregation: 'median' as 'avg' }],
    ['say which', { name: 'cpu_percent' }],
    ['is no name of a metric', { name: 'a\u0000' }],
    ['is no name of a metric', { name: { $gt: '' } as unknown as string }],
    ['are not labels', { labels: { a: '\u0000' } }],
    ['are not labels', { labels: { a: { b: 'c' } as unknown as string } }],
    ['are not labels', { labels: null as unknown as Record<string, string> }],
  ])('refuses a query that %s', async (message, given) => {
    await expect(query(given)).rejects.toThrow(message);
  });

  it('answers with whole minutes where points are not kept any more, and about 300 windows by default', async () => {
    const days = (n: number) => new Date(Date.now() - n * 86_400_000);
    expect((await query({ since: days(2), until: days(1.9), step: '10s' })).step).toBe(MINUTE);
    expect((await query({ since: days(1.9), until: new Date(), step: undefined })).step).toBe(10 * MINUTE);
    expect((await query({ since: at(0), until: at(300), step: undefined })).step).toBe(1_000);
  });

  it('shows a tenant nothing of another, and lets nobody ask without claims', async () => {
    const other = newId('tenant');
    const instanceId = newId('instance');
    await push({ name: 'jobs_total', value: 1, instanceId, at: at(5) });
    const foreign = as(other, () =>
      service.queryMetrics(other, { name: 'jobs_total', instanceId, since: at(0), until: at(60) }),
    );
    expect((await foreign).series).toEqual([]);
    const calls: (() => Promise<unknown>)[] = [
      () => service.queryMetrics(tenantId, { name: 'jobs_total' }),
      () => service.currentResources(tenantId, instanceId),
      () => service.resourceHistory(tenantId, instanceId),
      () => service.dashboard(tenantId),
      () => service.pushMetrics(tenantId, []),
    ];
    for (const call of calls) {
      await expect(as(other, call)).rejects.toThrow(/access to tenant/);
      await expect(call()).rejects.toThrow();
    }
    expect(() => as(other, () => service.recordResources([]))).toThrow(/across tenants/);
  });
});
