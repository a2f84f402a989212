import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { spiedQueries } from '../../../test/support/query-plans.js';
import { ForbiddenError } from '../auth/auth.errors.js';
import { systemClaims, withClaims } from '../auth/claims.js';
import { newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec } from '../providers/provider.js';
import { PostgresDeploymentRepository } from '../workloads/postgres-deployment.repository.js';
import { Rollouts, type RolloutsQuery } from './rollouts.js';

const SPEC: InstanceSpec = { command: ['server'], env: { KEY: 'hunter2' } };

describe('Rollouts', () => {
  let database: ControlPlaneDatabase;
  let rows: InstanceRows;
  let deployments: PostgresDeploymentRepository;
  let rollouts: Rollouts;
  let tenantId: TenantId;
  let workloadId: WorkloadId;

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    rows = new InstanceRows(database.dataSource);
    deployments = new PostgresDeploymentRepository(database.transactions);
    rollouts = new Rollouts(database.transactions);
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    tenantId = newId('tenant');
    workloadId = await rows.addWorkload(tenantId);
    await sql(`UPDATE workloads SET name = 'web', replicas = 3 WHERE id = $1`, [workloadId]);
  });

  const sql = (text: string, values: unknown[]): Promise<unknown> => database.dataSource.query(text, values);
  const asOperator = <T>(work: () => Promise<T>): Promise<T> => withClaims(systemClaims('test'), work);
  const list = (query: RolloutsQuery = {}) => asOperator(() => rollouts.list({ tenantId, ...query }));
  const first = async () => (await list()).items[0]!;
  const begin = (change: Partial<InstanceSpec>) =>
    deployments.begin(tenantId, { workloadId, spec: { ...SPEC, ...change }, previousSpec: SPEC });
  const addInstance = async (specHash: string): Promise<void> => {
    const id = await rows.addInstance({ tenantId, workloadId, age: 0 });
    await sql('UPDATE instances SET spec_hash = $2 WHERE id = $1', [id, specHash]);
  };

  it('say of each what it does, how many are new and old, and what it changes, but no value of it', async () => {
    await addInstance('old');
    const { id, specHash } = await begin({ env: { KEY: 'hunter3' }, image: 'web:2' });
    expect(await first()).toMatchObject({
      id,
      workload: 'web',
      state: 'rolling',
      step: 'starts the first new one',
      ready: '0 of 3',
      newInstances: 0,
      oldInstances: 1,
      changes: ['env', 'image'],
    });
    await addInstance(specHash);
    await addInstance(specHash);
    expect((await first()).step).toBe('waits until 2 new are ready');
    await deployments.progress(tenantId, id, 1);
    expect(await first()).toMatchObject({ step: 'waits until 1 new is ready', ready: '1 of 3' });
    await deployments.progress(tenantId, id, 2);
    expect((await first()).step).toBe('replaces the next');
    await sql('UPDATE workloads SET paused = true WHERE id = $1', [workloadId]);
    expect(await first()).toMatchObject({ state: 'paused', step: 'waits to be resumed' });
    await deployments.end(tenantId, id, 'failed', 'no progress for 2 m');
    expect(await first()).toMatchObject({
      state: 'failed',
      step: 'stopped half-way',
      reason: 'no progress for 2 m',
      oldInstances: 1,
    });
    expect(JSON.stringify(await list())).not.toContain('hunter');
  });

  it('count no instances of one that another came after', async () => {
    await addInstance('old');
    await begin({ image: 'web:2' });
    const later = await begin({ image: 'web:3' });
    await deployments.end(tenantId, later.id, 'succeeded');
    const { items } = await list();
    expect(items.map(({ state, step, oldInstances }) => [state, step, oldInstances])).toEqual([
      ['succeeded', 'done', 1],
      ['superseded', 'another came after it', undefined],
    ]);
  });

  it('come newest first, in pages that miss none and repeat none, and can be narrowed', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.unshift((await begin({ image: `web:${n}` })).id);
    const seen: string[] = [];
    let before: string | undefined;
    do {
      const page = await list({ limit: 2, before });
      seen.push(...page.items.map(({ id }) => id));
      before = page.next;
    } while (before !== undefined);
    expect(seen).toEqual(made);
    expect((await list({ state: 'rolling' })).items.map(({ id }) => id)).toEqual([made[0]]);
    expect((await list({ workloadId: newId('workload') })).items).toEqual([]);
  });

  it('are shown to a tenant as far as they are its own', async () => {
    await begin({ image: 'web:2' });
    const seenBy = (claims: { subject: string; tenantId?: TenantId; roles: string[] }) =>
      withClaims(claims, () => rollouts.list());
    expect((await seenBy({ subject: 'alice', tenantId, roles: [] })).items).toHaveLength(1);
    expect((await seenBy({ subject: 'bob', tenantId: newId('tenant'), roles: [] })).items).toEqual([]);
    await expect(seenBy({ subject: 'eve', roles: [] })).rejects.toThrow(ForbiddenError);
  });

  it('are read by the primary key, and their instances by the workload', async () => {
    await sql(
      `INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec, state)
       SELECT 'dep_' || lpad(n::text, 26, '0'), $1, 'wkl_' || lpad(n::text, 26, '0'), '{}', '', '{}', 'succeeded'
       FROM generate_series(1, 20000) n`,
      [tenantId],
    );
    await sql('ANALYZE deployments', []);
    const spy = spiedQueries(database.dataSource);
    await asOperator(() => new Rollouts(spy.transactions).list({ limit: 50 }));
    const [plan] = await spy.plans();
    expect(plan).toContain('deployments_pkey');
    expect(plan).not.toMatch(/"Seq Scan","[^}]*"Relation Name":"deployments"/);
    await sql(`DELETE FROM deployments WHERE tenant_id = $1`, [tenantId]);
  });
});
