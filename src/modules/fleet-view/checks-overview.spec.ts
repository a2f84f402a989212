import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { spiedQueries } from '../../../test/support/query-plans.js';
import { ForbiddenError } from '../auth/auth.errors.js';
import { systemClaims, withClaims } from '../auth/claims.js';
import { everyItem } from '../database/page.js';
import { type ProbeOutcome } from '../health-checks/health-check.js';
import { parseHealthCheck } from '../health-checks/health-check-input.js';
import { PostgresHealthCheckRepository } from '../health-checks/postgres-health-check.repository.js';
import { PostgresHealthHistoryRepository } from '../health-checks/postgres-health-history.repository.js';
import { type HealthCheckId, type InstanceId, newId, type TenantId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { ChecksOverview, type ChecksOverviewQuery } from './checks-overview.js';
import { LATENCIES, UPTIME } from './checks-overview.statements.js';

describe('ChecksOverview', () => {
  let database: ControlPlaneDatabase;
  let rows: InstanceRows;
  let checks: PostgresHealthCheckRepository;
  let history: PostgresHealthHistoryRepository;
  let overview: ChecksOverview;
  let tenantId: TenantId;
  let instanceId: InstanceId;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    rows = new InstanceRows(database.dataSource);
    checks = new PostgresHealthCheckRepository(database.transactions);
    history = new PostgresHealthHistoryRepository(database.dataSource);
    overview = new ChecksOverview(database.transactions);
    await history.maintain();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    tenantId = newId('tenant');
    instanceId = await rows.addInstance({ tenantId, age: 0 });
  });

  const sql = (text: string, values: unknown[] = []): Promise<unknown> =>
    database.dataSource.query(text, values);
  const asOperator = <T>(work: () => Promise<T>): Promise<T> => withClaims(systemClaims('test'), work);
  const list = (query: ChecksOverviewQuery = {}) => asOperator(() => overview.list({ tenantId, ...query }));
  async function add(name: string, status?: string): Promise<HealthCheckId> {
    const probe = { type: 'http' as const, path: '/', headers: { authorization: 'hunter2' } };
    const settings = parseHealthCheck(
      { name, probe, interval: '10s', timeout: '1s' },
      { hasInstance: true, checkers: [] },
    );
    const { id } = await checks.insert(tenantId, { ...settings, id: newId('healthCheck'), instanceId });
    if (status)
      await sql('UPDATE health_check_turns SET state = $2 WHERE check_id = $1', [
        id,
        { status, since: 1_700_000_000_000 },
      ]);
    return id;
  }
  async function addResults(checkId: HealthCheckId, results: [agoMs: number, outcome: ProbeOutcome][]) {
    const now = Date.now();
    const writer = history.writer();
    writer.add(
      results.map(([ago, outcome], n) => ({
        checkId,
        dueAt: new Date(now - ago - n),
        startedAt: new Date(now - ago),
        duration: 20,
        outcome,
        message: '',
        maintenance: false,
      })),
    );
    await writer.close();
  }

  it('names what a check belongs to and how it stands, and shows nothing of its probe but the type', async () => {
    const id = await add('alive', 'healthy');
    const [shown] = (await list()).items;
    expect(shown).toMatchObject({
      id,
      name: 'alive',
      instanceId,
      instance: 'web',
      probe: 'http',
      status: 'healthy',
      since: new Date(1_700_000_000_000),
    });
    expect(shown!.uptimeParts).toEqual(Array.from({ length: 90 }, () => null));
    expect(shown).not.toHaveProperty('uptime');
    expect(JSON.stringify(shown)).not.toContain('hunter2');
  });

  it('shows in which part of the last day it was not well, rolled up or not, and how long it took', async () => {
    const id = await add('alive', 'healthy');
    const hour = 3_600_000;
    await sql(
      `INSERT INTO health_minutes (check_id, start, success, degraded, failure, unknown, maintenance, buckets, counts)
       SELECT $1, date_trunc('minute', now() - interval '5 hours'), 3, 0, 1, 0, 0, '{}', '{}'`,
      [id],
    );
    await addResults(id, [
      [1_000, 'success'],
      [2_000, 'success'],
      [3_000, 'unknown'],
    ]);
    const [shown] = (await list()).items;
    const told = shown!.uptimeParts.flatMap((part, index) => (part === null ? [] : [[index, part] as const]));
    const partOf = (ago: number): number =>
      89 - (Math.floor(Date.now() / 960_000) - Math.floor((Date.now() - ago) / 960_000));
    expect(told).toContainEqual([expect.any(Number), 0.75]);
    expect(Math.abs(told[0]![0] - partOf(5 * hour))).toBeLessThanOrEqual(1);
    expect(told.at(-1)![1]).toBe(1);
    expect(shown!.uptime).toBeCloseTo((100 * 5) / 6);
    expect(shown!.p50).toBeGreaterThan(18);
    expect(shown!.p95).toBeLessThan(22);
    await sql('DELETE FROM health_minutes');
  });

  it('has those first that are not well, in pages that miss none and repeat none', async () => {
    const ids: Record<string, HealthCheckId[]> = { well: [], ill: [] };
    for (let n = 0; n < 7; n++) {
      const ill = n % 3 === 2;
      ids[ill ? 'ill' : 'well']!.push(await add(`check ${n}`, ill ? 'unhealthy' : 'healthy'));
    }
    ids.well!.push(await add('new'));
    const off = await add('off', 'unhealthy');
    await sql('UPDATE health_checks SET enabled = false WHERE id = $1', [off]);
    await sql('UPDATE health_check_turns SET enabled = false WHERE check_id = $1', [off]);
    const wanted = [...ids.ill!.toSorted(), ...[...ids.well!, off].toSorted()];
    for (const limit of [1, 2, 3, 9, 100]) {
      const seen: string[] = [];
      for await (const { id } of everyItem((after) => list({ limit, after }))) seen.push(id);
      expect(seen).toEqual(wanted);
    }
    const { items } = await list();
    expect(items.find(({ id }) => id === off)?.status).toBe('off');
    expect(items.find(({ name }) => name === 'new')?.status).toBe('starting');
    await expect(list({ after: 'x' })).rejects.toThrow(InvalidInputError);
  });

  it('shows a tenant its own checks alone', async () => {
    const id = await add('alive');
    const seenBy = (claims: { subject: string; tenantId?: TenantId; roles: string[] }) =>
      withClaims(claims, () => overview.list());
    expect((await seenBy({ subject: 'a', tenantId, roles: [] })).items.map((each) => each.id)).toEqual([id]);
    expect((await seenBy({ subject: 'b', tenantId: newId('tenant'), roles: [] })).items).toEqual([]);
    await expect(seenBy({ subject: 'c', roles: [] })).rejects.toThrow(ForbiddenError);
  });

  it('reads what is not well, and the history of a page, by indexes', async () => {
    await rows.addTenant(tenantId);
    await sql(
      `INSERT INTO health_checks (id, tenant_id, name, probe, interval_ms, timeout_ms, failure_threshold, success_threshold,
         initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled)
       SELECT 'chk_' || lpad(n::text, 26, '0'), $1, 'c' || n, '{"type": "tcp"}', 1, 1, 1, 1, 0, 0, 'none', 0, true
       FROM generate_series(1, 5000) n`,
      [tenantId],
    );
    await sql(
      `INSERT INTO health_check_turns (check_id, due_at, interval_ms, lease_ms, enabled, revision, state)
       SELECT id, now(), 1, 1, true, 1, '{"status": "healthy"}' FROM health_checks WHERE tenant_id = $1
       ON CONFLICT DO NOTHING`,
      [tenantId],
    );
    await sql(
      `INSERT INTO health_minutes (check_id, start, success, degraded, failure, unknown, maintenance, buckets, counts)
       SELECT 'chk_' || lpad(n::text, 26, '0'), date_trunc('minute', now()) - m * interval '1 minute', 1, 0, 0, 0, 0, '{}', '{}'
       FROM generate_series(1, 200) n, generate_series(1, 200) m`,
    );
    for (const table of ['health_checks', 'health_check_turns', 'health_minutes', 'health_results'])
      await sql(`ANALYZE ${table}`);
    const spy = spiedQueries(database.dataSource);
    await asOperator(() => new ChecksOverview(spy.transactions).list({ limit: 25 }));
    const [bad, rest] = await spy.plans();
    expect(bad).toContain('health_check_turns_unwell_idx');
    expect(rest).toContain('health_check_turns_pkey');
    const ids = Array.from({ length: 25 }, (_, n) => `chk_${String(n + 1).padStart(26, '0')}`);
    for (const statement of [UPTIME, LATENCIES]) {
      const plan = JSON.stringify(await sql(`EXPLAIN (FORMAT JSON) ${statement}`, [ids]));
      // Partitions in which nothing is may be read as a whole.
      const [{ part }] = (await sql(
        `SELECT c.relname AS part FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
         WHERE inhparent = 'health_minutes'::regclass AND c.reltuples > 1000 ORDER BY 1 DESC LIMIT 1`,
      )) as [{ part: string }];
      expect(plan).toContain(`${part}_pkey`);
      expect(plan).not.toMatch(new RegExp(`"Seq Scan",[^}]*"Relation Name":"${part}"`));
    }
    await sql('DELETE FROM health_minutes');
    await sql('DELETE FROM health_checks WHERE tenant_id = $1', [tenantId]);
  });
});
