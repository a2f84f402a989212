import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { eventually } from '../../../test/support/eventually.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { windowsOf } from './windows-of-points.js';
import { PostgresTelemetryStore } from './postgres-telemetry.store.js';
import { SAMPLES } from './point-tables.js';
import { telemetryStoreContract } from './telemetry.store.contract.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('PostgresTelemetryStore', () => {
  let database: ControlPlaneDatabase;
  let store: PostgresTelemetryStore;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    database = await openControlPlaneDatabase();
    store = new PostgresTelemetryStore(database.dataSource, database.transactions, {
      limits: { activeSeries: 5 },
    });
    await store.onModuleInit();
  });
  afterAll(async () => {
    await store.onApplicationShutdown();
    await database.close();
    Logger.overrideLogger(['error', 'warn', 'log']);
  });

  for (const { name, run } of telemetryStoreContract(() => ({ store }))) it(name, run);

  /** As if the tables were made hours ago, and passes had been made since. */
  const closeUntil = (instant: number): Promise<unknown> =>
    database.dataSource.query(
      `UPDATE telemetry_rollups SET closed_until = $1, minutes_until = least(minutes_until, $1), hours_until = least(hours_until, $1), ordered_until = least(ordered_until, $1)`,
      [new Date(instant)],
    );

  it('rollups, points that come late and what is not rolled up yet come to what the points come to', async () => {
    // Whole hours of the past, so that minutes, hours and points all have a part in the answers.
    const origin = Math.floor(Date.now() / HOUR) * HOUR - 2 * HOUR;
    const point = fc.record({
      second: fc.oneof(
        fc.integer({ min: 0, max: 2 * 3600 - 1 }),
        fc.constantFrom(0, 59, 60, 3_599, 3_600, 3_601),
      ),
      value: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
      start: fc.option(fc.integer({ min: -7_200, max: 2 * 3600 }), { nil: null }),
    });
    const chunks = fc.array(
      fc.record({ points: fc.array(point, { maxLength: 12 }), closed: fc.integer({ min: 0, max: 120 }), pass: fc.boolean() }),
      { minLength: 1, maxLength: 4 },
    ); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(chunks, async (steps) => {
        const tenantId = newId('tenant');
        const series = { name: 'value', labels: {}, kind: 'counter' as const };
        const points = new Map<number, { at: Date; startedAt: Date | null; value: number }>();
        const origins = new Date(origin);
        await database.dataSource.query(
          `UPDATE telemetry_rollups SET closed_until = $1, minutes_until = $1, hours_until = $1, ordered_until = $1`,
          [origins],
        );
        for (const { points: given, closed, pass } of steps) {
          const samples = given.map(({ second, value, start }) => ({
            tenantId,
            series,
            at: new Date(origin + second * 1_000),
            value,
            startedAt: start === null ? null : new Date(origin + start * 1_000),
          }));
          store.addSamples(samples);
          await store.flush();
          for (const sample of samples) if (!points.has(+sample.at)) points.set(+sample.at, sample);
          await closeAtLeast(origin + closed * MINUTE);
          if (pass) await passOnly(store['rooms'].get(SAMPLES)!.rollups);
        }
        await passOnly(store['rooms'].get(SAMPLES)!.rollups);
        const [found] = await store.findSeries(tenantId, { limit: 1 });
        const all = [...points.values()];
        for (const step of [10_000, MINUTE, 7 * MINUTE, HOUR, 2 * HOUR]) {
          const range = { since: origins, until: new Date(origin + 2 * HOUR), step };
          const expected = windowsOf(all, range);
          const windows = found
            ? (await store.sampleWindows(tenantId, [found.id], range)).get(found.id)!
            : [];
          expect(windows.map(rounded)).toEqual(expected.map(rounded));
        }
      }),
      // As many as a busy machine manages.
      { numRuns: 15, interruptAfterTimeLimit: 15_000 },
    );

    async function closeAtLeast(instant: number): Promise<void> {
      await database.dataSource.query(
        `UPDATE telemetry_rollups SET closed_until = greatest(closed_until, $1)`,
        [new Date(instant)],
      );
    }
    /** A pass that closes nothing by the clock: the test says what is closed. */
    async function passOnly(rollups: { pass(): Promise<number> }): Promise<void> {
      (rollups as unknown as { close: () => Promise<void> }).close = async () => {};
      await rollups.pass();
    }
  }, 120_000);

  it('drops what is old while minutes are being rolled up', async () => {
    const tenantId = newId('tenant');
    const minute = Math.floor(Date.now() / MINUTE) * MINUTE - 5 * MINUTE;
    const series = { name: 'slow', labels: {}, kind: 'gauge' as const };
    const { raw, minutes } = store['rooms'].get(SAMPLES)!;
    await minutes.ensure(new Date(minute));
    await closeUntil(minute);
    store.addSamples([{ tenantId, series, at: new Date(minute), value: 1, startedAt: null }]);
    await store.flush();
    await database.dataSource.query(`UPDATE telemetry_rollups SET closed_until = $1`, [
      new Date(minute + MINUTE),
    ]);
    const [found] = await store.findSeries(tenantId, { limit: 1 });
    const query = (sql: string, values?: unknown[]) => database.dataSource.query(sql, values);
    await query(
      `CREATE TABLE metric_samples_old PARTITION OF metric_samples FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')`,
    );
    const other = database.dataSource.createQueryRunner();
    await other.startTransaction();
    try {
      // A row that is not committed: who rolls up that minute waits for it, and has read the points.
      await other.query(`INSERT INTO metric_rollups_1m (series_id, at, restarts) VALUES ($1, $2, 0)`, [
        found!.id,
        new Date(minute),
      ]);
      const rolledUp = store['rooms'].get(SAMPLES)!.rollups.pass();
      await eventually(async () => {
        const waiting = await query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO metric_rollups_1m%'`,
        );
        return waiting.length > 0;
      });
      const { dropped, inUse } = await raw.maintain();
      expect(dropped.map(({ name }) => name)).toContain('metric_samples_old');
      expect(inUse).toEqual([]);
      await other.rollbackTransaction();
      await rolledUp;
    } finally {
      if (other.isTransactionActive) await other.rollbackTransaction();
      await other.release();
    }
  });

  it('puts the minutes of an hour that is over in the order of their series, and changes none of them', async () => {
    const origin = Math.floor(Date.now() / HOUR) * HOUR - 2 * HOUR;
    const tenants = Array.from({ length: 40 }, () => newId('tenant'));
    await database.dataSource.query(
      `UPDATE telemetry_rollups SET closed_until = $1, minutes_until = $1, hours_until = $1, ordered_until = $1`,
      [new Date(origin)],
    );
    const { rollups } = store['rooms'].get(SAMPLES)!;
    const series = { name: 'value', labels: {}, kind: 'gauge' as const };
    for (let minute = 0; minute < 60; minute++)
      store.addSamples(
        tenants.map((tenantId) => ({
          tenantId, series, at: new Date(origin + minute * MINUTE), value: minute, startedAt: null,
        })), // prettier-ignore
      );
    await store.flush();
    const minutesOf = async (tenantId: TenantId) => {
      const [found] = await store.findSeries(tenantId, { limit: 1 });
      const range = { since: new Date(origin), until: new Date(origin + HOUR), step: MINUTE };
      const windows = (await store.sampleWindows(tenantId, [found!.id], range)).get(found!.id)!;
      const [{ pages }] = await database.dataSource.query<{ pages: number }[]>(
        `SELECT count(DISTINCT (ctid::text::point)[0])::int AS pages FROM metric_rollups_1m WHERE series_id = $1`,
        [found!.id],
      ) as [{ pages: number }]; // prettier-ignore
      return { windows, pages };
    };
    await rollups['rollMinutes']();
    while ((await rollups['rollMinutes']()) > 0);
    await database.dataSource.query(`UPDATE telemetry_rollups SET closed_until = $1`, [
      new Date(origin + HOUR),
    ]);
    while ((await rollups['rollMinutes']()) > 0);
    while ((await rollups['rollHour']()) > 0);
    const before = await minutesOf(tenants[7]!);
    expect(before.windows.map(({ last }) => last)).toEqual(Array.from({ length: 60 }, (_, minute) => minute));
    expect(before.pages).toBeGreaterThan(5);
    expect(await rollups['orderHour']()).toBe(true);
    const after = await minutesOf(tenants[7]!);
    expect(after.windows).toEqual(before.windows);
    expect(after.pages).toBeLessThanOrEqual(2);
    expect(await rollups['orderHour']()).toBe(false);
  });

  it('says what a process that ended had taken and not stored, once, and only when it has been silent for long', async () => {
    const silent = (seconds: number, column = 'seen_at'): Promise<unknown> =>
      database.dataSource.query(`UPDATE telemetry_writers SET ${column} = clock_timestamp() - make_interval(secs => $1) WHERE writer = 'gone'`, [seconds]);
    const account = { writer: 'gone', raw: 'metric_samples', taken: 10, stored: 6, dropped: 1 };
    await database.dataSource.query(
      `INSERT INTO telemetry_writers (writer, raw, taken, stored, dropped, seen_at) VALUES ($1, $2, $3, $4, $5, clock_timestamp())`,
      Object.values(account),
    );
    expect(await store.takeLost()).toEqual([]);
    await silent(31);
    expect(await store.takeLost()).toEqual([]);
    await silent(31, 'suspected_at');
    const told = await Promise.all([store.takeLost(), store.takeLost()]);
    expect(told.flat()).toEqual([{ writer: 'gone', readings: 0, samples: 3 }]);
  }); // prettier-ignore

  it('enters what it has taken at once, and what it has stored or dropped', async () => {
    const account = async (): Promise<object> => {
      const [row] = await database.dataSource.query<object[]>(
        `SELECT sum(taken - stored - dropped)::int AS open, sum(stored)::int AS stored FROM telemetry_writers WHERE raw = 'metric_samples' AND writer <> 'gone'`,
      );
      return row!;
    };
    const tenantId = newId('tenant');
    const blocker = database.dataSource.createQueryRunner();
    const { stored } = (await account()) as { stored: number };
    await blocker.startTransaction();
    try {
      await blocker.query('LOCK TABLE metric_samples IN EXCLUSIVE MODE');
      const named = (n: number) => ({ name: 'value', labels: { n: String(n) }, kind: 'gauge' as const });
      store.addSamples([1, 2, 3, 4, 5, 6, 7].map((n) => ({ tenantId, series: named(n), at: new Date(), value: n, startedAt: null })));
      await eventually(async () => ((await account()) as { open: number }).open >= 5);
    } finally {
      await blocker.rollbackTransaction();
      await blocker.release();
    }
    await store.flush();
    expect(await account()).toMatchObject({ stored: stored + 5 });
    // Those beyond the limit of series, and one that is older than what is kept.
    store.addSamples([{ tenantId, series: { name: 'value', labels: { n: '1' }, kind: 'gauge' }, at: new Date(0), value: 1, startedAt: null }]);
    store.addSamples([{ tenantId, series: { name: 'value', labels: { n: '1' }, kind: 'gauge' }, at: new Date(), value: 1, startedAt: null }]);
    await store.flush();
    await eventually(async () => ((await account()) as { open: number }).open === 0);
  }); // prettier-ignore

  it('closes windows by the clock, and drops partitions and numbers that are too old', async () => {
    await closeUntil(Math.floor(Date.now() / HOUR) * HOUR - HOUR);
    await database.dataSource.query(
      `INSERT INTO telemetry_sources (tenant_id, instance_id, last_seen_at) VALUES ('a', 'b', now() - interval '2 years')`,
    );
    const pass = await store.maintain();
    expect(pass.collected).toBe(1);
    expect(pass.inUse).toEqual([]);
  });
});

/** Sums of doubles depend on the order in which they are added. */
function rounded<T extends object>(window: T): object {
  return Object.fromEntries(
    Object.entries(window).map(([name, value]) => [
      name,
      typeof value === 'number' ? Number(value.toPrecision(9)) : value,
    ]),
  );
}
