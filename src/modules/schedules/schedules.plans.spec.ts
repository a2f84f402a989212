import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { type Transactions } from '../database/transaction.js';
import { PostgresScheduleStore } from './postgres-schedule.store.js';
import { type ClaimId, type ScheduleResult } from './schedule.store.js';

const STORED = 20_000;
/** From this cost on PostgreSQL compiles a statement (`jit_above_cost`), which takes a second. It grows with the number of rows, or stays. */
const COMPILED = 100_000;
const MANY = 1_000_000;

describe('the statements for schedules, among many', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    await database.dataSource.query(
      `INSERT INTO schedules (handler, key, timing, created_at, changed_at, revision, slot_at, planned_at, due_at)
       SELECT 'job', 'user ' || n, '{"every":3600000}', now(), now(), n, due, due, due
       FROM generate_series(1, $1) AS n, LATERAL (SELECT now() + n % 3600 * interval '1 s' AS due) AS planned`,
      [STORED],
    );
    await database.dataSource.query('ANALYZE schedules');
  });
  afterAll(() => database.close());

  const claims: ClaimId[] = Array.from({ length: 1_000 }, (_, n) => ({
    handler: 'job',
    key: `user ${n}`,
    token: n,
  }));
  const results = claims.map((claim) => ({
    ...{ claim: { ...claim, revision: 1, triggeredAt: null }, turn: null },
    ...{ attempt: 1, claims: 0, missed: 0, turns: 1 },
  })) satisfies ScheduleResult[];
  const handlers = Array.from({ length: 20 }, (_, n) => (n === 0 ? 'job' : `job ${n}`));

  it.each<[string, (store: PostgresScheduleStore) => Promise<unknown>]>([
    [
      'claims',
      (store) =>
        store.claim({
          limits: new Map(handlers.map((handler) => [handler, { most: 200, share: 50 }])),
          ...{ horizon: 1_000, lease: 30_000, replica: 'r1' },
        }),
    ],
    ['stores results', (store) => store.settle(results)],
    ['renews leases', (store) => store.renew(claims, 30_000)],
    ['counts an attempt', (store) => store.begin(claims[0]!)],
    ['looks for cancellations', (store) => store.cancellations('r1')],
    ['tells its handlers', (store) => store.know(handlers)],
    ['looks for unknown handlers', (store) => store.unknownHandlers()],
    ['looks for troubles', (store) => store.troubles()],
    ['deletes what has ended', (store) => store.prune(1_000)],
    ['finds one', (store) => store.find('job', 'user 1')],
    ['lists a page', (store) => store.list({ handler: 'job', keyPrefix: 'user 1', limit: 100 })],
  ])('one that %s is not so dear to PostgreSQL that it compiles it', async (_, call) => {
    const costs: number[] = [];
    const explain = async (sql: string, values: unknown[] = []) => {
      const [row] = await database.dataSource.query<[{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }]>(
        `EXPLAIN (FORMAT JSON) ${sql}`,
        values,
      );
      costs.push(row['QUERY PLAN'][0].Plan['Total Cost']!);
      return [{ claimed_key: null, claimed_now: 0, handler: 'job' }];
    };
    await call(
      new PostgresScheduleStore({ query: explain, affected: explain } as unknown as Transactions),
    ).catch(() => undefined);
    expect(costs.length).toBeGreaterThan(0);
    for (const cost of costs) expect(cost * (MANY / STORED)).toBeLessThan(COMPILED);
  });
});
