import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { backoffSettings, waitAfterFailures, waitAfterFailuresSql } from './row-backoff.js';

describe('row backoff', () => {
  const exact = backoffSettings({ initial: '1s', max: '1m', jitter: 0 });

  it.each([
    [0, 0],
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [6, 32_000],
    [7, 60_000],
    [5_000, 60_000],
  ])(
    'after %i failures waits %i ms: it doubles, is capped, and is none after a success',
    (failures, wait) => {
      expect(waitAfterFailures(failures, exact)).toBe(wait);
    },
  );

  it('is shortened by at most its jitter, so that what failed together does not try again together', () => {
    const settings = backoffSettings({ initial: '8s', jitter: 0.25 });
    expect(waitAfterFailures(1, settings, 0)).toBe(8_000);
    expect(waitAfterFailures(1, settings, 1)).toBe(6_000);
    const waits = new Set(Array.from({ length: 50 }, () => waitAfterFailures(1, settings)));
    expect(waits.size).toBeGreaterThan(40);
    for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(6_000);
  });

  it.each([
    [{ initial: 0 }, 'initial: 0 ms'],
    [{ initial: '2s', max: '1s' }, 'max: 1000 ms is below initial'],
    [{ factor: 0.5 }, 'factor: 0.5'],
    [{ factor: 1_001 }, 'factor: 1001'],
    [{ jitter: 2 }, 'jitter: 2'],
    [{ initial: 'soon' as '1s' }, "'soon' is not a duration"],
  ] as const)('refuses %j, and says why', (options, message) => {
    expect(() => backoffSettings(options)).toThrow(message);
  });

  describe('in SQL', () => {
    let database: ControlPlaneDatabase;
    beforeAll(async () => {
      database = await openControlPlaneDatabase();
    });
    afterAll(() => database.close());

    const waits = async (sql: string, failures: number[]): Promise<number[]> => {
      const rows = await database.dataSource.query<{ wait: number }[]>(
        `SELECT (extract(epoch FROM ${sql}) * 1000)::double precision AS wait
         FROM unnest($1::int[]) WITH ORDINALITY AS f (failures, n) ORDER BY n`,
        [failures],
      );
      return rows.map(({ wait }) => wait);
    };

    it('waits as long', async () => {
      const failures = [-1, 0, 1, 2, 3, 6, 7, 100, 2_000_000_000];
      for (const settings of [
        exact,
        backoffSettings({ initial: 10, max: '30d', factor: 1_000, jitter: 0 }),
      ]) {
        expect(await waits(waitAfterFailuresSql('f.failures', settings), failures)).toEqual(
          failures.map((n) => waitAfterFailures(n, settings)),
        );
      }
    });

    it('is another one for each row', async () => {
      const sql = waitAfterFailuresSql('f.failures', backoffSettings({ initial: '10s', jitter: 0.5 }));
      const found = await waits(
        sql,
        Array.from({ length: 100 }, () => 1),
      );
      expect(new Set(found).size).toBeGreaterThan(90);
      expect(Math.min(...found)).toBeGreaterThanOrEqual(5_000);
      expect(Math.max(...found)).toBeLessThanOrEqual(10_000);
    });
  });
});
