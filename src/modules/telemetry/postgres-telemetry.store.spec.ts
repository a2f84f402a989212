import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { newId } from '../ids/typed-id.js';
import { windowsOf } from './in-memory-telemetry.store.js';
import { PostgresTelemetryStore } from './postgres-telemetry.store.js';
import { SAMPLES } from './point-tables.js';
import { telemetryStoreContract } from './telemetry.store.contract.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('PostgresTelemetryStore', () => {
  let database: ControlPlaneDatabase;
  let store: PostgresTelemetryStore;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    store = new PostgresTelemetryStore(database.dataSource, database.transactions, {
      limits: { activeSeries: 5 },
    });
    await store.onModuleInit();
  });
  afterAll(async () => {
    await store.onApplicationShutdown();
    await database.close();
  });

  for (const { name, run } of telemetryStoreContract(() => ({ store }))) it(name, run);

  /** As if the tables were made hours ago, and passes had been made since. */
  const closeUntil = (instant: number): Promise<unknown> =>
    database.dataSource.query(
      `UPDATE telemetry_rollups SET closed_until = $1, minutes_until = least(minutes_until, $1), hours_until = least(hours_until, $1)`,
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
          `UPDATE telemetry_rollups SET closed_until = $1, minutes_until = $1, hours_until = $1`,
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
