import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { type InstanceId, newId, type TenantId } from '../ids/typed-id.js';
import { seriesKey, type StoredSample } from './metric.js';
import { RESOURCE_METRIC_NAMES, type ResourceMetric, type ResourceSnapshot } from './resource-metrics.js';
import { type TelemetryStore } from './telemetry.store.js';
import { aggregate, AGGREGATIONS, type WindowStatistics } from './window-statistics.js';

/** A store of which a tenant may have five active series. */
export interface TelemetryStoreSetup {
  store: TelemetryStore;
}

const MINUTE = 60_000;
const NOTHING = Object.fromEntries(RESOURCE_METRIC_NAMES.map((metric) => [metric, null])) as Record<
  ResourceMetric,
  null
>;

/** What every `TelemetryStore` keeps. */
export function telemetryStoreContract(setup: () => TelemetryStoreSetup): ContractCase[] {
  /** The start of a minute a while ago, so that what is asked for is the same however slow the test is. */
  const start = Math.floor(Date.now() / MINUTE) * MINUTE - 10 * MINUTE;
  const at = (seconds: number): Date => new Date(start + seconds * 1_000);
  const range = { since: at(0), until: at(300), step: MINUTE };

  const reading = (given: Partial<ResourceSnapshot> & { at: Date }): ResourceSnapshot => ({
    tenantId: newId('tenant'), instanceId: newId('instance'), startedAt: null, ...NOTHING, ...given,
  }); // prettier-ignore

  const sample = (
    tenantId: TenantId,
    seconds: number,
    value: number,
    given: Partial<StoredSample['series']> & { startedAt?: Date } = {},
  ): StoredSample => {
    const { startedAt = null, ...series } = given;
    return {
      tenantId,
      series: { name: 'jobs_total', labels: {}, kind: 'counter', ...series },
      at: at(seconds),
      value,
      startedAt,
    };
  };

  const keep = async (points: {
    resources?: ResourceSnapshot[];
    samples?: StoredSample[];
  }): Promise<void> => {
    setup().store.addResources(points.resources ?? []);
    setup().store.addSamples(points.samples ?? []);
    await setup().store.flush();
    // What comes late, as all of this does, is seen when the windows it belongs to have been mended.
    await setup().store.rollUp();
  };

  const windowsOf = async (tenantId: TenantId, step = MINUTE): Promise<WindowStatistics[]> => {
    const series = await setup().store.findSeries(tenantId, { limit: 10 });
    const windows = await setup().store.sampleWindows(
      tenantId,
      series.map(({ id }) => id),
      { ...range, step },
    );
    return [...windows.values()].flat();
  };

  return contract(setup, {
    'gives the latest reading of each instance as it was read, nulls included': async ({ store }) => {
      const tenantId = newId('tenant');
      const [first, second] = [newId('instance'), newId('instance')].sort() as [InstanceId, InstanceId];
      const latest = reading({
          tenantId, instanceId: first, at: at(20), startedAt: at(-60), cpuPercent: 12.5, cpuSeconds: 10.25,
          memoryWorkingSetBytes: 5e10, oomKills: 0,
        }); // prettier-ignore
      const other = reading({ tenantId, instanceId: second, at: at(15), processes: 3 });
      await keep({ resources: [reading({ tenantId, instanceId: first, at: at(10) }), latest, other] });
      assert.deepEqual(await store.latestResources(tenantId, { since: at(0), limit: 10 }), [latest, other]);
      assert.deepEqual(
        await store.latestResources(tenantId, { since: at(0), instanceIds: [second], limit: 10 }),
        [other],
      );
      assert.deepEqual(await store.latestResources(tenantId, { since: at(0), after: first, limit: 10 }), [
        other,
      ]);
      assert.deepEqual(await store.latestResources(tenantId, { since: at(0), limit: 1 }), [latest]);
      assert.deepEqual(await store.latestResources(tenantId, { since: at(16), limit: 10 }), [latest]);
      const all = await store.latestResourcesAcrossTenants({ since: at(0), limit: 1_000 });
      assert.deepEqual(
        all.filter((one) => one.tenantId === tenantId),
        [latest, other],
      );
    },
    'makes windows of readings: statistics of gauges, increases of counters, gaps where there is nothing':
      async ({ store }) => {
        const tenantId = newId('tenant');
        const instanceId = newId('instance');
        const of = (seconds: number, cpuSeconds: number, cpuPercent: number | null): ResourceSnapshot =>
          reading({ tenantId, instanceId, at: at(seconds), startedAt: at(-600), cpuSeconds, cpuPercent });
        await keep({ resources: [of(5, 100, null), of(15, 101, 10), of(25, 103, 20), of(185, 110, 4)] });
        const metrics = ['cpuPercent', 'cpuSeconds', 'memoryWorkingSetBytes'] as const;
        const windows = await store.resourceWindows(tenantId, instanceId, metrics, range);
        assert.deepEqual(windows.get('cpuPercent'), [
          { at: at(0), count: 2, min: 10, max: 20, sum: 30, last: 20, increase: null, restarts: 0 },
          { at: at(180), count: 1, min: 4, max: 4, sum: 4, last: 4, increase: null, restarts: 0 },
        ]);
        assert.deepEqual(
          windows.get('cpuSeconds')!.map(({ at: start, last, increase }) => [+start, last, increase]),
          [
            [+at(0), 103, 3],
            [+at(180), 110, 7],
          ],
        );
        assert.deepEqual(windows.get('memoryWorkingSetBytes'), []);
        for (const aggregation of AGGREGATIONS) {
          const asked = { ...range, aggregation };
          const found = await store.resourceWindows(tenantId, instanceId, metrics, asked);
          const values = (of: typeof found) =>
            metrics.map((metric) => of.get(metric)!.map((window) => aggregate(window, aggregation, 60)));
          assert.deepEqual(values(found), values(windows), aggregation);
        }
      },
    'a point that comes twice, or another of its instant, is stored once, and the order does not matter':
      async () => {
        const tenantId = newId('tenant');
        await keep({ samples: [sample(tenantId, 70, 8), sample(tenantId, 10, 5), sample(tenantId, 10, 6)] });
        await keep({ samples: [sample(tenantId, 40, 6), sample(tenantId, 70, 8)] });
        assert.deepEqual(await windowsOf(tenantId), [
          { at: at(0), count: 2, min: 5, max: 6, sum: 11, last: 6, increase: 1, restarts: 0 },
          { at: at(60), count: 1, min: 8, max: 8, sum: 8, last: 8, increase: 2, restarts: 0 },
        ]);
        assert.deepEqual(
          (await windowsOf(tenantId, 5 * MINUTE)).reduce((sum, { increase }) => sum + increase!, 0),
          3,
        );
      },
    'a counter that starts anew grows from zero: seen by its start time, or without one because it shrinks':
      async () => {
        const [shrinks, overtakes, unmoved] = [newId('tenant'), newId('tenant'), newId('tenant')];
        await keep({
          samples: [
            sample(shrinks, 10, 100),
            sample(shrinks, 20, 4),
            sample(shrinks, 30, 5),
            sample(overtakes, 10, 100, { startedAt: at(-600) }),
            sample(overtakes, 40, 120, { startedAt: at(15) }),
            // The sum over a process group shrinks when one of it ends; and a start time moves with the clock.
            sample(unmoved, 10, 100, { startedAt: at(-600) }),
            sample(unmoved, 20, 90, { startedAt: at(-599) }),
            sample(unmoved, 30, 91, { startedAt: at(-600) }),
          ],
        });
        assert.equal((await windowsOf(shrinks))[0]!.increase, 5);
        assert.equal((await windowsOf(overtakes))[0]!.increase, 120);
        assert.equal((await windowsOf(unmoved))[0]!.increase, 1);
        assert.equal((await windowsOf(overtakes))[0]!.restarts, 1);
        assert.equal((await windowsOf(unmoved))[0]!.restarts, 0);
      },
    'counts how often an instance was restarted, also where a metric is not available right after it':
      async ({ store }) => {
        const tenantId = newId('tenant');
        const instanceId = newId('instance');
        const of = (
          seconds: number,
          startedAt: Date,
          given: Partial<ResourceSnapshot> = {},
        ): ResourceSnapshot =>
          reading({ tenantId, instanceId, at: at(seconds), startedAt, cpuSeconds: 1, ...given });
        await keep({
          resources: [
            of(5, at(-600)),
            of(15, at(12), { cpuSeconds: null }),
            of(25, at(20)),
            of(35, at(20)),
            of(70, at(65)),
            of(130, at(65)),
          ],
        });
        const restarts = async (step: number): Promise<number[]> => {
          const found = await store.resourceWindows(tenantId, instanceId, ['cpuSeconds'], {
            ...range,
            step,
          });
          return found.get('cpuSeconds')!.map((window) => window.restarts);
        };
        assert.deepEqual(await restarts(MINUTE), [2, 1, 0]);
        assert.equal(
          (await restarts(5 * MINUTE)).reduce((sum, one) => sum + one, 0),
          3,
        );
      },
    'the first point counts what it counted since a start of lately, and nothing where that is unknown':
      async () => {
        const [young, old, unknown] = [newId('tenant'), newId('tenant'), newId('tenant')];
        await keep({
          samples: [
            sample(young, 10, 7, { startedAt: at(5) }),
            sample(old, 10, 7, { startedAt: at(-3_000) }),
            sample(unknown, 10, 7),
          ],
        });
        assert.deepEqual(
          [(await windowsOf(young))[0]!.increase, (await windowsOf(old))[0]!.increase, (await windowsOf(unknown))[0]!.increase],
          [7, 0, 0],
        ); // prettier-ignore
      },
    'tells series apart by name, labels and instance, and finds them by each': async ({ store }) => {
      const tenantId = newId('tenant');
      const instanceId = newId('instance');
      await keep({
        samples: [
          sample(tenantId, 1, 1, { labels: { b: '2', a: '1' } }),
          sample(tenantId, 2, 2, { labels: { a: '1', b: '2' } }),
          sample(tenantId, 3, 3, { labels: { a: '1' }, instanceId }),
          sample(tenantId, 4, 4, { name: 'other', kind: 'gauge' }),
        ],
      });
      const find = async (query: object): Promise<string[]> =>
        (await store.findSeries(tenantId, { limit: 10, ...query })).map(seriesKey);
      assert.equal((await find({})).length, 3);
      assert.equal((await find({ labels: { a: '1' } })).length, 2);
      assert.equal((await find({ labels: { b: '2' } })).length, 1);
      assert.equal((await find({ labels: { a: '2' } })).length, 0);
      assert.deepEqual(await find({ name: 'other' }), [seriesKey({ name: 'other', labels: {} })]);
      assert.equal((await find({ instanceId })).length, 1);
      assert.equal((await find({ limit: 2 })).length, 2);
    },
    'gives the latest sample of each series': async ({ store }) => {
      const [one, two] = [newId('tenant'), newId('tenant')];
      await keep({
        samples: [
          sample(one, 20, 2),
          sample(one, 10, 1),
          sample(two, 5, 7),
          sample(two, 6, 9, { name: 'a' }),
        ],
      });
      const latest = async (query: { since: Date; after?: number }): Promise<[TenantId, number, number][]> =>
        (await store.latestSamplesAcrossTenants({ limit: 1_000, ...query }))
          .filter(({ tenantId }) => tenantId === one || tenantId === two)
          .map(({ tenantId, at: instant, value }) => [tenantId, +instant, value]);
      assert.deepEqual(await latest({ since: at(0) }), [
        [one, +at(20), 2],
        [two, +at(5), 7],
        [two, +at(6), 9],
      ]);
      assert.deepEqual(await latest({ since: at(6) }), [
        [one, +at(20), 2],
        [two, +at(6), 9],
      ]);
      const [series] = await store.findSeries(two, { limit: 1 });
      assert.deepEqual(await latest({ since: at(0), after: series!.id }), [[two, +at(6), 9]]);
    },
    'takes no more series of a tenant than it may have, goes on with those it has, and counts what it drops':
      async ({ store }) => {
        const tenantId = newId('tenant');
        const named = (n: number): StoredSample => sample(tenantId, n, n, { labels: { n: String(n) } });
        const series = [1, 2, 3, 4, 5, 6, 7].map((n) => named(n).series);
        const admitted = await store.admit(tenantId, series);
        assert.deepEqual([...admitted], series.slice(0, 5).map(seriesKey));
        const before = store.counts().samples;
        await keep({ samples: [named(6), named(1), named(7), named(2)] });
        const after = store.counts().samples;
        assert.equal(after.written - before.written, 2);
        assert.equal(after.dropped.refused - before.dropped.refused, 2);
        assert.equal((await store.admit(newId('tenant'), series)).size, 5);
      },
    'shows a tenant nothing of another one, whatever ids it asks with': async ({ store }) => {
      const [own, foreign] = [newId('tenant'), newId('tenant')];
      const instanceId = newId('instance');
      await keep({
        resources: [reading({ tenantId: foreign, instanceId, at: at(10), cpuPercent: 5 })],
        samples: [sample(foreign, 10, 5, { instanceId, labels: { a: '1' } })],
      });
      const [theirs] = await store.findSeries(foreign, { limit: 10 });
      assert.ok(theirs);
      assert.deepEqual(await store.findSeries(own, { limit: 10 }), []);
      assert.deepEqual(await store.findSeries(own, { instanceId, labels: { a: '1' }, limit: 10 }), []);
      assert.deepEqual(await store.sampleWindows(own, [theirs.id], range), new Map());
      assert.deepEqual(await store.latestResources(own, { since: at(0), limit: 10 }), []);
      assert.deepEqual(
        await store.latestResources(own, { since: at(0), instanceIds: [instanceId], limit: 10 }),
        [],
      );
      assert.deepEqual(
        await store.resourceWindows(own, instanceId, ['cpuPercent'], range),
        new Map([['cpuPercent', []]]),
      );
      // Nor does what it stores under their ids reach them.
      await keep({ resources: [reading({ tenantId: own, instanceId, at: at(20), cpuPercent: 99 })] });
      const [latest] = await store.latestResources(foreign, { since: at(0), limit: 10 });
      assert.equal(latest!.cpuPercent, 5);
    },
    'lets a matter be told to a tenant once an hour': async ({ store }) => {
      const tenantId = newId('tenant');
      const answers = await Promise.all([1, 2, 3].map(() => store.mayTell(tenantId, 'series')));
      assert.deepEqual(answers.filter(Boolean), [true]);
      assert.equal(await store.mayTell(tenantId, 'labels'), true);
      assert.equal(await store.mayTell(newId('tenant'), 'series'), true);
    },
    'refuses ids that are none': async ({ store }) => {
      const bad = "ten_' OR true --" as TenantId;
      const refused = { name: 'InvalidIdError' };
      await assert.rejects(store.latestResources(bad, { since: at(0), limit: 1 }), refused);
      await assert.rejects(store.findSeries(bad, { limit: 1 }), refused);
      await assert.rejects(store.sampleWindows(bad, [1], range), refused);
      await assert.rejects(store.resourceWindows(bad, newId('instance'), ['cpuPercent'], range), refused);
      await assert.rejects(store.resourceWindows(newId('tenant'), 'inst_x', ['cpuPercent'], range), refused);
      await assert.rejects(store.mayTell(bad, 'x'), refused);
      await assert.rejects(store.admit(bad, []), refused);
    },
  });
}
