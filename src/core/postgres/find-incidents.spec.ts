import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { type DeliveryQuery, type IncidentQuery } from '../history/incident.store.js';
import { postgres } from './postgres.coordinator.js';
import { findDeliveries, findIncidents, findSilences } from './sql/incidents.js';

const INCIDENTS = 60_000;

describe('looking for incidents in a long history', () => {
  let database: TestDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 2 });
    pool.on('error', () => {});
    const coordinator = postgres({ pool });
    await coordinator.open();
    await coordinator.close();
    // One in 5,000 is of a certificate, ten are open; one delivery in 3,000 failed, one endpoint is new.
    await pool.query(
      `INSERT INTO workers.incidents (id, kind, subject, condition, summary, opened_at, closed_at, told_at)
       SELECT gen_random_uuid(), CASE WHEN n % 5000 = 7 THEN 'certificate' ELSE 'worker' END, 'w' || n % 50,
         CASE WHEN n % 5000 = 11 THEN 'stuck' ELSE 'failing' END, 'what is wrong', at, CASE WHEN n > 10 THEN at END, at
       FROM generate_series(1, ${INCIDENTS}) AS n, LATERAL (SELECT now() - n * interval '1 minute' AS at) AS opened
       ON CONFLICT DO NOTHING`,
    );
    await pool.query(
      `INSERT INTO workers.deliveries (id, incident, event, endpoint, state, created_at)
       SELECT gen_random_uuid(), id, 'incident.opened', CASE WHEN n % 20000 = 5 THEN 'new' ELSE 'ops' END,
         CASE WHEN n % 3000 = 9 THEN 'failed' WHEN n = 1 THEN 'pending' ELSE 'delivered' END, opened_at
       FROM (SELECT id, opened_at, row_number() OVER (ORDER BY opened_at DESC) AS n FROM workers.incidents) AS i`,
    );
    await pool.query('VACUUM ANALYZE workers.incidents, workers.deliveries, workers.silences');
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const before = new Date(Date.now() - 30_000 * 60_000);
  it.each<[string, Omit<IncidentQuery, 'limit'>]>([
    ['all', {}],
    ['one', { id: randomUUID() }],
    ['open ones', { open: true }],
    ['open ones of a kind', { open: true, kind: 'worker' }],
    ['closed ones', { open: false }],
    ['a kind that is rare', { kind: 'certificate' }],
    ['a kind that there is not', { kind: 'deployment' }],
    ['closed ones of a rare kind', { kind: 'certificate', open: false }],
    ['a subject', { subject: 'w3' }],
    ['a condition that is rare', { condition: 'stuck' }],
    ['a condition that there is not', { condition: 'slow' }],
    ['a condition of a subject', { subject: 'w3', condition: 'slow' }],
    ['a condition of a kind', { kind: 'certificate', condition: 'failing' }],
    ['a late page', { before: { id: randomUUID(), openedAt: before } }],
    ['a late page of a rare kind', { kind: 'certificate', before: { id: randomUUID(), openedAt: before } }],
  ])('reads an index and few rows: %s', async (_what, query) => {
    const { statement, values } = findIncidents({ ...query, limit: 50 });
    await readsFewRows(statement('workers'), values);
  });

  it.each<[string, Omit<DeliveryQuery, 'limit'>]>([
    ['all', {}],
    ['one', { id: randomUUID() }],
    ['those of an incident', { incident: randomUUID() }],
    ['what failed', { state: 'failed' }],
    ['what is pending', { state: 'pending' }],
    ['what was delivered', { state: 'delivered' }],
    ['an endpoint that is rare', { endpoint: 'new' }],
    ['an endpoint that there is not', { endpoint: 'none' }],
    ['what failed of an endpoint', { endpoint: 'new', state: 'failed' }],
    ['a late page', { before: { id: randomUUID(), createdAt: before } }],
  ])('reads an index and few rows of deliveries: %s', async (_what, query) => {
    const { statement, values } = findDeliveries({ ...query, limit: 50 });
    await readsFewRows(statement('workers'), values);
  });

  it('reads few rows of silences, of which there are few', async () => {
    await readsFewRows(findSilences('workers'), []);
  });

  async function readsFewRows(statement: string, values: unknown[]): Promise<void> {
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`,
      values,
    );
    for (const node of allOf(rows[0]!['QUERY PLAN'][0].Plan)) {
      const { 'Actual Rows': given, 'Rows Removed by Filter': removed = 0, 'Actual Loops': loops } = node;
      expect([node['Node Type'], (given + removed) * loops < 2_500]).toEqual([node['Node Type'], true]);
    }
  }
});

interface Plan {
  'Node Type': string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

function* allOf(plan: Plan): Generator<Plan> {
  yield plan;
  for (const child of plan.Plans ?? []) yield* allOf(child);
}
