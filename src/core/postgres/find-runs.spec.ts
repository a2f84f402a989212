import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { type RunQuery } from '../history/run.store.js';
import { PostgresRunStore } from './postgres-run.store.js';
import { findReplicas } from './sql/find-replicas.js';
import { findRuns, SEARCHED } from './sql/find-runs.js';

const RUNS = 200_000;

describe('looking for runs in a long history', () => {
  let database: TestDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
    await new PostgresRunStore({ pool }).open();
    // One in 500 failed, one in 1,000 was asked for, one is on; of one worker nothing ever failed.
    await pool.query(
      `INSERT INTO workers.runs (id, worker, replica, trigger, attempt, scheduled_at, started_at, ended_at, outcome, error)
       SELECT gen_random_uuid(), 'w' || n % 50, gen_random_uuid(),
         CASE WHEN n % 1000 = 7 THEN 'manual' ELSE 'schedule' END, 1, at, at, at,
         CASE WHEN n % 500 = 3 THEN 'failed' WHEN n = 9 THEN 'running' ELSE 'succeeded' END,
         CASE WHEN n % 500 = 3 THEN '{"name":"Error","message":"connect ECONNREFUSED"}'::jsonb END
       FROM generate_series(1, ${RUNS}) AS n, LATERAL (SELECT now() - n * interval '1 second' AS at) AS start`,
    );
    // A handler of stored schedules: 20,000 keys, two runs of each.
    await pool.query(
      `INSERT INTO workers.runs (id, worker, key, replica, trigger, attempt, scheduled_at, started_at, ended_at, outcome)
       SELECT gen_random_uuid(), 'reminder', 'user ' || n % 20000, gen_random_uuid(), 'schedule', 1, at, at, at,
         CASE WHEN n % 500 = 3 THEN 'failed' ELSE 'succeeded' END
       FROM generate_series(1, 40000) AS n, LATERAL (SELECT now() - n * interval '5 seconds' AS at) AS start`,
    );
    await pool.query(
      `INSERT INTO workers.known_replicas SELECT gen_random_uuid(), 'host', n, now() - n * interval '1 hour' FROM generate_series(1, 10000) AS n`,
    );
    await pool.query(
      `INSERT INTO workers.replicas (id, host, pid, started_at, heartbeat_at)
       SELECT id, host, pid, started_at, now() FROM workers.known_replicas ORDER BY started_at DESC LIMIT 60`,
    );
    await pool.query('VACUUM ANALYZE workers.runs, workers.known_replicas, workers.replicas');
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it.each<[string, Omit<RunQuery, 'limit'>]>([
    ['all', {}],
    ['a worker', { worker: 'w3' }],
    ['an id', { id: randomUUID() }],
    ['failures', { outcomes: ['failed', 'timed_out', 'lost'] }],
    ['failures of a worker', { outcomes: ['failed'], worker: 'w3' }],
    ['failures of a worker that has none', { outcomes: ['failed', 'lost'], worker: 'w4' }],
    ['what is active', { outcomes: ['running'] }],
    ['successes', { outcomes: ['succeeded'] }],
    ['manual runs', { trigger: 'manual' }],
    ['runs of a worker for events', { trigger: 'event', worker: 'w7' }],
    ['text', { text: 'econnrefused' }],
    ['text that no error has', { text: 'no such text' }],
    ['a day', { since: new Date(Date.now() - 90_000_000), until: new Date(Date.now() - 3_600_000) }],
    ['text of a worker', { worker: 'w3', text: 'econnrefused' }],
    ['text of a worker that never failed', { worker: 'w4', text: 'econnrefused' }],
    ['failures with a text', { outcomes: ['failed', 'lost'], text: 'no such text' }],
    ['failures of manual runs', { trigger: 'manual', outcomes: ['failed'] }],
    ['successes of manual runs', { trigger: 'manual', outcomes: ['succeeded'] }],
    ['failures of the schedule', { trigger: 'schedule', outcomes: ['failed'] }],
    ['a text in manual runs', { trigger: 'manual', text: 'no such text' }],
    ['failures of a worker in a day', { worker: 'w3', outcomes: ['failed', 'lost'], since: new Date(Date.now() - 90_000_000), until: new Date(Date.now() - 3_600_000) }],
    ['failures of manual runs of a worker', { worker: 'w3', trigger: 'manual', outcomes: ['failed'] }],
    ['a day of a worker', { worker: 'w3', since: new Date(Date.now() - 90_000_000), until: new Date(Date.now() - 3_600_000) }],
    ['what the live stream asks for', { since: new Date(Date.now() - 20_000) }],
    ['a key of a handler', { worker: 'reminder', key: 'user 503' }],
    ['a key that has no runs', { worker: 'reminder', key: 'nobody' }],
    ['a key of any handler', { key: 'user 503' }],
    ['failures of a key', { worker: 'reminder', key: 'user 503', outcomes: ['failed'] }],
    ['successes of a key', { worker: 'reminder', key: 'user 503', outcomes: ['succeeded'] }],
    ['retries of a key', { worker: 'reminder', key: 'user 503', trigger: 'retry' }],
    ['a text in errors of a key', { worker: 'reminder', key: 'user 503', text: 'no such text' }],
    ['a day of a key', { worker: 'reminder', key: 'user 503', since: new Date(Date.now() - 90_000_000) }],
    ['a late page of a key', { worker: 'reminder', key: 'user 503', before: { id: randomUUID(), startedAt: new Date(Date.now() - 90_000_000) } }],
    ['a late page', { before: { id: randomUUID(), startedAt: new Date(Date.now() - 190_000_000) } }],
    ['a late page of a worker', { worker: 'w3', before: { id: randomUUID(), startedAt: new Date(Date.now() - 190_000_000) } }],
    ['a page of failures', { outcomes: ['failed'], before: { id: randomUUID(), startedAt: new Date(Date.now() - 90_000_000) } }],
  ])('reads an index and few rows: %s', async (_what, query) => {
    const { statement, values } = findRuns({ ...query, limit: 50 });
    await readsFewRows(statement('workers'), values);
  }); // prettier-ignore

  it('looks for a text in 10,000 errors at the most, and says where it stopped', async () => {
    await pool.query(
      `INSERT INTO workers.runs (id, worker, replica, trigger, attempt, scheduled_at, started_at, ended_at, outcome, error)
       SELECT gen_random_uuid(), 'always fails', gen_random_uuid(), 'schedule', 1, at, at, at, 'failed',
         CASE n WHEN ${2 * SEARCHED + 7} THEN '{"message":"rare"}' ELSE '{"message":"the usual"}' END::jsonb
       FROM generate_series(1, ${3 * SEARCHED}) AS n,
         LATERAL (SELECT date_trunc('second', now()) - interval '1 year' - n * interval '1 second' AS at) AS start`,
    );
    await pool.query('ANALYZE workers.runs');
    const store = new PostgresRunStore({ pool });
    await store.open();
    const query: RunQuery = { worker: 'always fails', text: 'RARE', limit: 5 };
    const { statement, values } = findRuns(query);
    await readsFewRows(statement('workers'), values, 2 * SEARCHED + 1); // Each has a name and a message.
    const pages: number[] = [];
    let before: RunQuery['before'];
    do {
      pages.push((await store.find({ ...query, before })).length);
      before = await store.searchedTo({ ...query, before });
    } while (before);
    expect(pages).toEqual([0, 0, 1, 0]);
    expect(await store.searchedTo({ worker: 'w3', text: 'no such text', limit: 5 })).toBeUndefined();
  });

  it.each<[string, Omit<RunQuery, 'limit'>]>([
    ['a success of a worker that always fails', { worker: 'fails by hand', outcomes: ['succeeded'] }],
    ['a success, whatever started it', { worker: 'fails by hand', trigger: 'manual', outcomes: ['succeeded'] }],
    ['a success of the schedule, with a text', { worker: 'fails by hand', trigger: 'schedule', text: 'usual' }],
    ['a run of the schedule', { worker: 'fails by hand', trigger: 'schedule' }],
    ['a failure of the schedule', { worker: 'fails by hand', trigger: 'schedule', outcomes: ['failed'] }],
  ])('looks at 10,000 runs at the most where no index has it, and says where it stopped: %s', async (_what, query) => {
    await pool.query(
      `INSERT INTO workers.runs (id, worker, replica, trigger, attempt, scheduled_at, started_at, ended_at, outcome, error)
       SELECT gen_random_uuid(), 'fails by hand', gen_random_uuid(), CASE n WHEN $1 THEN 'schedule' ELSE 'manual' END, 1, at, at, at,
         CASE n WHEN $2 THEN 'succeeded' ELSE 'failed' END, CASE n WHEN $2 THEN NULL ELSE '{"message":"the usual"}'::jsonb END
       FROM generate_series(1, $3::int) AS n,
         LATERAL (SELECT date_trunc('second', now()) - interval '2 years' - n * interval '1 second' AS at) AS start
       WHERE NOT EXISTS (SELECT FROM workers.runs WHERE worker = 'fails by hand')`,
      [2 * SEARCHED + 7, 2 * SEARCHED + 9, 3 * SEARCHED],
    );
    await pool.query('ANALYZE workers.runs');
    const store = new PostgresRunStore({ pool });
    await store.open();
    const { statement, values } = findRuns({ ...query, limit: 5 });
    // The planner may come to the worker's errors by way of those of another one.
    await readsFewRows(statement('workers'), values, 5 * SEARCHED);
    const found: number[] = [];
    let before: RunQuery['before'];
    do {
      found.push((await store.find({ ...query, limit: 5, before })).length);
      before = await store.searchedTo({ ...query, limit: 5, before });
    } while (before);
    expect(found.slice(0, 3)).toEqual([0, 0, 1]);
    expect(found.slice(3)).toEqual(found.length > 3 ? [0] : []);
  }); // prettier-ignore

  it('says of what an index has that it has looked at all', async () => {
    const store = new PostgresRunStore({ pool });
    await store.open();
    for (const query of [{}, { trigger: 'manual' }, { outcomes: ['failed'] }, { worker: 'w3' }] as const)
      expect(await store.searchedTo({ ...query, limit: 5 })).toBeUndefined();
  });

  it.each<[string, unknown[]]>([
    ['all', [null, false, 50, 10_000]],
    ['those that live', [null, true, 50, 10_000]],
    ['one', [randomUUID(), false, 1, 10_000]],
  ])('reads an index and few rows of replicas: %s', async (_what, values) => {
    await readsFewRows(findReplicas('workers'), values);
  });

  async function readsFewRows(statement: string, values: unknown[], few = 2_000): Promise<void> {
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`,
      values,
    );
    const nodes = [...allOf(rows[0]!['QUERY PLAN'][0].Plan)];
    // Of the replicas that live there are few.
    const read = nodes.filter((node) => node['Relation Name'] !== 'replicas');
    expect(read.map((node) => node['Node Type'])).not.toContain('Seq Scan');
    for (const node of nodes)
      expect(
        (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
      ).toBeLessThan(few);
  }
});

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

function* allOf(plan: Plan): Generator<Plan> {
  yield plan;
  for (const child of plan.Plans ?? []) yield* allOf(child);
}
