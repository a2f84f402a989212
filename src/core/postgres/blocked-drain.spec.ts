import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { gate } from '../../../test/support/gate.js';
import { startWorkers, type Workers } from '../../../test/support/workers.js';
import { SystemClock } from '../timing/clock.js';
import { type ManualClock } from '../testing/manual-clock.js';
import { postgres } from './postgres.coordinator.js';

/** Time goes by by itself here. */
class RealClock extends SystemClock {
  advance(): Promise<void> {
    return Promise.resolve();
  }
}

describe('a shutdown while another session has locked the tables', () => {
  let database: TestDatabase;
  let locker: pg.Client;
  let reader: pg.Client;
  beforeEach(async () => {
    database = await createTestDatabase();
    [locker, reader] = [0, 1].map(() => new pg.Client({ connectionString: database.url })) as [
      pg.Client,
      pg.Client,
    ];
    await Promise.all([locker.connect(), reader.connect()]);
  });
  afterEach(async () => {
    await Promise.all([locker.end(), reader.end()]);
    await database.drop();
  });

  /** An application whose only run is active, and ends when it is told to. */
  async function start(connection: Parameters<typeof postgres>[0], deadline: number) {
    const held = gate();
    const workers = await startWorkers(
      [{ name: 'w', interval: 0, lease: '30s', run: () => held.opened }],
      {
        coordination: postgres({ ...connection, service: 'blocked-drain' }),
        drain: { timeout: 500, abortGrace: 500, deadline },
      },
      new RealClock() as unknown as ManualClock,
    );
    const { ended } = await workers.scheduler.trigger('w');
    ended.catch(() => {});
    await eventually(() => workers.scheduler.workerByName('w')!.activeRuns === 1);
    return { workers, end: () => held.open() };
  }

  async function lock(): Promise<void> {
    await locker.query('BEGIN');
    await locker.query('LOCK TABLE workers.workers, workers.runs, workers.requests IN ACCESS EXCLUSIVE MODE');
  }

  const storedRun = async () =>
    (await reader.query(`SELECT outcome FROM workers.runs WHERE worker = 'w'`)).rows as { outcome: string }[];

  function expectNoNoise({ logs }: Workers): void {
    expect(
      logs.filter((line) => /calling end|connection to PostgreSQL is closed|more than once/.test(line)),
    ).toEqual([]);
  }

  it.each(['a connection string', 'a pool of the application'])(
    'loses nothing if the lock is gone in time: %s',
    async (how) => {
      const pool = new pg.Pool({ connectionString: database.url, max: 4 });
      pool.on('error', () => {});
      const { workers, end } = await start(
        how === 'a connection string' ? { connectionString: database.url } : { pool },
        60_000,
      );
      await lock();
      const closed = workers.close();
      end();
      await eventually(async () => (await waiting(reader)) > 0);
      await locker.query('ROLLBACK');
      await closed;
      expect(await storedRun()).toEqual([{ outcome: 'succeeded' }]);
      const { rows } = await reader.query(
        `SELECT run_count, lease_until FROM workers.workers WHERE name = 'w'`,
      );
      expect(rows).toEqual([{ run_count: expect.anything(), lease_until: null }]);
      expect(Number(rows[0].run_count)).toBe(1);
      expectNoNoise(workers);
      await pool.end();
    },
  );

  it('is over at its deadline if it is not, says what is not recorded, and nothing of closed pools', async () => {
    const { workers, end } = await start({ connectionString: database.url }, 3_000);
    await lock();
    end();
    await workers.close();
    expect(workers.logs).toContain('1 runs could not be recorded before shutdown');
    await locker.query('ROLLBACK');
    // What was on its way fails or goes through now, and neither is news.
    await eventually(async () => (await waiting(reader)) === 0);
    expectNoNoise(workers);
  });
});

/** Sessions that wait for a lock. */
async function waiting(reader: pg.Client): Promise<number> {
  const { rows } = await reader.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows[0]!.n;
}
