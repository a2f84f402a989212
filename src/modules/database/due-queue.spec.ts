import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { type DueClaim, DueQueue } from './due-queue.js';
import { Transactions } from './transaction.js';

describe('DueQueue', () => {
  let database: ControlPlaneDatabase;
  let queue: DueQueue<{ attempts: number }>;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    await database.dataSource.query(`
      CREATE TABLE jobs (
        id text PRIMARY KEY, due_at timestamptz(3) NOT NULL, attempts int NOT NULL DEFAULT 0,
        enabled boolean NOT NULL DEFAULT true
      )`);
    await database.dataSource.query('CREATE INDEX ON jobs (due_at) WHERE enabled');
    queue = new DueQueue(database.transactions, {
      table: 'jobs',
      where: 'q.enabled',
      lease: `clock_timestamp() + interval '10 s'`,
      select: { attempts: 'q.attempts' },
    });
  });
  afterAll(() => database.close());
  beforeEach(() => database.dataSource.query('TRUNCATE jobs'));

  /** Due this many milliseconds from now, by the database's clock. */
  const insert = (id: string, dueIn: number, enabled = true) =>
    database.dataSource.query(
      `INSERT INTO jobs VALUES ($1, clock_timestamp() + $2 * interval '1 ms', length($1), $3)`,
      [id, dueIn, enabled],
    );
  const dueAt = async (id: string): Promise<number> => {
    const [row] = await database.dataSource.query<{ due_at: Date }[]>(
      'SELECT due_at FROM jobs WHERE id = $1',
      [id],
    );
    return row!.due_at.getTime();
  };
  const keys = (claims: readonly DueClaim[]) => claims.map(({ key }) => key);

  it('hands out what is due, the longest due first, and tells what was asked of each', async () => {
    await insert('second', -1_000);
    await insert('first', -2_000);
    await insert('later', 60_000);
    await insert('off', -5_000, false);
    const { claims, now } = await queue.claim({ limit: 10 });
    expect(claims.map(({ key, attempts }) => [key, attempts])).toEqual([
      ['first', 5],
      ['second', 6],
    ]);
    for (const { dueAt, lease } of claims) {
      expect(dueAt.getTime()).toBeLessThan(now.getTime());
      expect(lease.getTime()).toBeGreaterThan(now.getTime() + 9_000);
    }
  });

  it('hands out ahead of time what is due within the horizon', async () => {
    await insert('soon', 4_000);
    await insert('later', 60_000);
    expect(keys((await queue.claim({ limit: 10, horizon: '1s' })).claims)).toEqual([]);
    expect(keys((await queue.claim({ limit: 10, horizon: '5s' })).claims)).toEqual(['soon']);
  });

  it('hands out no more than asked for, and nothing twice while the lease lasts', async () => {
    for (let n = 0; n < 5; n++) await insert(`job-${n}`, n - 10);
    const first = await queue.claim({ limit: 3 });
    const second = await queue.claim({ limit: 3 });
    expect(keys(first.claims)).toEqual(['job-0', 'job-1', 'job-2']);
    expect(keys(second.claims)).toEqual(['job-3', 'job-4']);
    expect((await queue.claim({ limit: 3 })).claims).toEqual([]);
  });

  it('hands a row out again once its lease has ended, to whoever asks', async () => {
    await insert('job', -1);
    const [held] = (await queue.claim({ limit: 1 })).claims;
    await database.dataSource.query(`UPDATE jobs SET due_at = due_at - interval '11 s'`);
    const [again] = (await queue.claim({ limit: 1 })).claims;
    expect(again!.key).toBe('job');
    expect(again!.dueAt.getTime()).toBe(held!.lease.getTime() - 11_000);
  });

  it('moves a row to its next turn when its work is done', async () => {
    await insert('job', -1);
    const { key, lease } = (await queue.claim({ limit: 1 })).claims[0]!;
    const next = new Date('2099-01-01T00:00:00.123Z');
    expect(await queue.settle([{ key, lease, dueAt: next }])).toEqual(new Set(['job']));
    expect(await dueAt('job')).toBe(next.getTime());
  });

  it('changes nothing for a claim that is superseded, and says which were stored', async () => {
    await insert('mine', -2);
    await insert('lost', -1);
    await insert('gone', -1);
    const { claims } = await queue.claim({ limit: 3 });
    await database.dataSource.query(
      `UPDATE jobs SET due_at = clock_timestamp() - interval '1 ms' WHERE id = 'lost'`,
    );
    await database.dataSource.query(`DELETE FROM jobs WHERE id = 'gone'`);
    const { lease } = (await queue.claim({ limit: 1 })).claims[0]!;
    const next = new Date('2099-01-01');
    const stored = await queue.settle(claims.map(({ key, lease }) => ({ key, lease, dueAt: next })));
    expect(stored).toEqual(new Set(['mine']));
    expect(await dueAt('lost')).toBe(lease.getTime());
    expect(await queue.settle([])).toEqual(new Set());
  });

  it('pushes a lease that does not lie ahead beyond the horizon, as the row would be claimed again at once', async () => {
    const careless = new DueQueue(database.transactions, {
      table: 'jobs',
      lease: `q.due_at + interval '1 s'`,
    });
    await insert('job', -3_600_000);
    const { claims, now } = await careless.claim({ limit: 1, horizon: '2s' });
    expect(claims[0]!.lease.getTime()).toBeGreaterThanOrEqual(now.getTime() + 2_000);
    expect((await careless.claim({ limit: 1, horizon: '1s' })).claims).toEqual([]);
  });

  it('gives each row to one of three replicas that claim and settle as fast as they can', async () => {
    await database.dataSource.query(
      `INSERT INTO jobs SELECT 'job-' || n, clock_timestamp() - n * interval '1 ms' FROM generate_series(1, 2000) n`,
    );
    const seen = new Map<string, number>();
    const replica = async (): Promise<void> => {
      for (;;) {
        const { claims } = await queue.claim({ limit: 100 });
        if (claims.length === 0) return;
        for (const { key } of claims) seen.set(key, (seen.get(key) ?? 0) + 1);
        const next = new Date('2099-01-01');
        const stored = await queue.settle(claims.map(({ key, lease }) => ({ key, lease, dueAt: next })));
        expect(stored.size).toBe(claims.length);
      }
    };
    await Promise.all([replica(), replica(), replica()]);
    expect(seen.size).toBe(2_000);
    expect([...seen.values()].every((times) => times === 1)).toBe(true);
  });

  it('passes over what another one is claiming, without waiting for it', async () => {
    await insert('held', -2);
    await insert('free', -1);
    await database.transactions.run(async () => {
      expect(keys((await queue.claim({ limit: 1 })).claims)).toEqual(['held']);
      const other = new DueQueue(new Transactions(database.dataSource), {
        table: 'jobs',
        lease: `clock_timestamp() + interval '10 s'`,
      });
      expect(keys((await other.claim({ limit: 5 })).claims)).toEqual(['free']);
    });
  });

  it('settles the same rows from two sides without a deadlock: one of them wins each', async () => {
    for (let n = 0; n < 200; n++) await insert(`job-${n}`, -n - 1);
    const { claims } = await queue.claim({ limit: 200 });
    const settlements = claims.map(({ key, lease }) => ({ key, lease, dueAt: new Date('2099-01-01') }));
    const sides = await Promise.all([
      queue.settle(settlements),
      queue.settle(settlements.toReversed()),
      queue.settle(settlements),
    ]);
    expect(sides.reduce((sum, side) => sum + side.size, 0)).toBe(200);
  });

  describe('in a table in which most is not due', () => {
    const planOf = async (statement: 'claimSql' | 'settleSql', values: unknown[]): Promise<string> => {
      const plan = await database.dataSource.query<Record<string, string>[]>(
        `EXPLAIN (ANALYZE, COSTS OFF) ${(queue as never as Record<string, string>)[statement]}`,
        values,
      );
      return plan.map((line) => line['QUERY PLAN']).join('\n');
    };
    beforeEach(async () => {
      await database.dataSource.query(
        `INSERT INTO jobs SELECT 'job-' || n, clock_timestamp() + n * interval '1 h' FROM generate_series(1, 20000) n`,
      );
      await database.dataSource.query('ANALYZE jobs');
      await insert('due', -1);
    });

    it('finds what is due by the index of that', async () => {
      const plan = await planOf('claimSql', [1_000, 2_000]);
      expect(plan).toMatch(/Index Scan using jobs_due_at_idx/);
      expect(plan).not.toMatch(/Seq Scan/);
    });

    it('goes from each key that it settles to its row', async () => {
      const thousand = Array.from({ length: 1_000 }, (_, n) => n);
      const instants = `{${thousand.join(',')}}`;
      const plan = await planOf('settleSql', [thousand.map((n) => `job-${n}`), instants, instants]);
      expect(plan).toMatch(/Index Scan using jobs_pkey/);
      expect(plan).not.toMatch(/Seq Scan/);
    });
  });

  it('tells the database’s time, also when nothing is due', async () => {
    await database.dataSource.query('CREATE TABLE nothing_due (id text PRIMARY KEY, due_at timestamptz(3))');
    const queue = new DueQueue(database.transactions, { table: 'nothing_due', lease: 'clock.now' });
    const [{ before }] = await database.dataSource.query<[{ before: Date }]>(
      `SELECT clock_timestamp() - interval '1 ms' AS before`,
    );
    const { claims, now } = await queue.claim({ limit: 1 });
    expect(claims).toEqual([]);
    expect(now.getTime()).toBeGreaterThanOrEqual(before.getTime());
  });

  it('is planned so cheaply among many rows that PostgreSQL does not compile it', async () => {
    await database.dataSource.query(
      'CREATE TABLE many (id text PRIMARY KEY, lane text, due_at timestamptz(3))',
    );
    await database.dataSource.query('CREATE INDEX ON many (lane, due_at)');
    await database.dataSource.query(`
      INSERT INTO many SELECT n, 'lane ' || n % 2, now() + ((n * 7919) % 86400) * interval '1 s'
      FROM generate_series(1, 20000) AS n`);
    await database.dataSource.query('ANALYZE many');
    const costs: number[] = [];
    const explained = {
      query: async (sql: string, values: unknown[]) => {
        const [{ 'QUERY PLAN': [{ Plan: plan }] }] = await database.dataSource.query(
          `EXPLAIN (FORMAT JSON) ${sql}`,
          values,
        ); // prettier-ignore
        costs.push(plan['Total Cost']);
        return [{ claimed_key: null, claimed_now: 0 }];
      },
    } as unknown as Transactions;
    const options = { table: 'many', lane: 'lane', lease: `clock.now + interval '10 s'` };
    const lanes = Array.from({ length: 20 }, (_, n) => [`lane ${n}`, 1_000] as const);
    await new DueQueue(explained, options).claim({ limit: new Map(lanes) });
    expect(costs).toEqual([expect.any(Number)]);
    // `jit_above_cost` is 100,000, and there may be fifty times as many rows.
    expect(costs[0]! * 50).toBeLessThan(100_000);
  });

  it('has a limit for each lane, and passes over those that are not asked for', async () => {
    await database.dataSource.query(
      'CREATE TABLE laned (id text PRIMARY KEY, lane text, due_at timestamptz(3))',
    );
    await database.dataSource.query(`
      INSERT INTO laned SELECT lane || n, lane, clock_timestamp() - n * interval '1 s'
      FROM unnest(ARRAY['a', 'b', 'c''"']) AS lane, generate_series(1, 5) AS n`);
    const laned = new DueQueue(database.transactions, {
      table: 'laned',
      lane: 'lane',
      lease: `clock.now + interval '10 s'`,
    });
    const limit = new Map([
      ['a', 2],
      [`c'"`, 9],
      ['none', 1],
    ]);
    expect(keys((await laned.claim({ limit })).claims).sort()).toEqual([
      'a4',
      'a5',
      ...[1, 2, 3, 4, 5].map((n) => `c'"${n}`),
    ]);
    expect(keys((await laned.claim({ limit: new Map([['b', 1]]) })).claims)).toEqual(['b5']);
  });
});
