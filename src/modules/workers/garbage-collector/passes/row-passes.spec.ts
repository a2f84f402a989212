import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../../../test/support/control-plane.js';
import { eventually } from '../../../../../test/support/eventually.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { Braking } from '../../../brakes/braking.js';
import { TypeOrmBrakeRepository } from '../../../brakes/typeorm-brake.repository.js';
import { Transactions } from '../../../database/transaction.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../../../ids/typed-id.js';
import { garbageCollectorSettings } from '../garbage-collector.options.js';
import { TypeOrmOrphanRepository } from '../typeorm-orphan.repository.js';
import { CertificatesPass } from './certificates.pass.js';
import { DeploymentsPass } from './deployments.pass.js';
import { DomainsPass } from './domains.pass.js';
import { garbagePassContract, type GarbagePassSetup, passContext } from './garbage-pass.contract.js';
import { type GarbagePass } from './garbage-pass.js';
import { HealthChecksPass } from './health-checks.pass.js';
import { InstancesPass } from './instances.pass.js';
import { OrphanDeletion } from './orphan-deletion.js';
import { RoutesPass } from './routes.pass.js';
import { TenantsPass } from './tenants.pass.js';

const HOUR = 3_600_000;
const KEEP = 3;

let plane: ControlPlane;
let rows: GarbageRows;
let transactions: Transactions;

beforeAll(async () => {
  plane = await startControlPlane();
  rows = new GarbageRows(plane.dataSource);
  transactions = plane.repository(Transactions);
});
afterAll(() => plane.stop());

/** A tenant that exists, with a workload and a domain of its own. */
async function tenantWithAll(): Promise<{ tenantId: TenantId; workloadId: WorkloadId; domainId: string }> {
  const tenantId = newId('tenant');
  const workloadId = await rows.addWorkload(tenantId);
  return { tenantId, workloadId, domainId: await rows.addDomain(tenantId) };
}

const each = async (count: number, make: (n: number) => Promise<string>): Promise<string[]> => {
  const made: string[] = [];
  for (let n = 0; n < count; n++) made.push(await make(n));
  return made;
};

const SUBJECTS: Record<string, () => Promise<GarbagePassSetup>> = {
  instances: async () => {
    const tenantId = newId('tenant');
    const old = { tenantId, age: 2 * HOUR };
    return {
      pass: new InstancesPass(
        garbageCollectorSettings({ instanceGracePeriod: HOUR }),
        new TypeOrmOrphanRepository(transactions),
        new Braking(new TypeOrmBrakeRepository(transactions), plane.events, transactions),
        new OrphanDeletion(
          new TypeOrmOrphanRepository(transactions),
          plane.instances,
          plane.events,
          transactions,
        ),
      ),
      addGarbage: (count) =>
        each(count, async () =>
          rows.addInstance({ ...old, workloadId: await rows.addDeletedWorkload(tenantId) }),
        ),
      addKept: async () => {
        const gone = await rows.addDeletedWorkload(tenantId);
        const other = await tenantWithAll();
        return [
          await rows.addInstance({ ...old, workloadId: await rows.addWorkload(tenantId) }),
          await rows.addInstance(old),
          await rows.addInstance({ ...old, workloadId: gone, protected: true }),
          await rows.addInstance({ ...old, workloadId: gone, age: HOUR - 60_000 }),
          await rows.addInstance({ ...old, ...other }),
        ];
      },
      present: (ids) => rows.present('instances', ids),
      teardown: () => plane.dataSource.query('DELETE FROM instances WHERE tenant_id = $1', [tenantId]),
    };
  },
  domains: async () => {
    const tenantId = await rows.addDeletedTenant();
    await rows.deletedBefore(tenantId, 2 * HOUR);
    return {
      pass: new DomainsPass(transactions, plane.events),
      tenantId,
      hasGracePeriod: true,
      addGarbage: (count) => each(count, () => rows.addDomain(tenantId)),
      addKept: async () => {
        const { domainId } = await tenantWithAll();
        // Nobody has deleted this tenant: what it has is not given up with its keys.
        return [domainId, await rows.addDomain(newId('tenant'))];
      },
      present: (ids) => rows.present('domains', ids),
    };
  },
  routes: async () => {
    const { tenantId, domainId, workloadId } = await tenantWithAll();
    const gone = await rows.addDeletedWorkload(tenantId);
    return {
      pass: new RoutesPass(transactions),
      tenantId,
      hasGracePeriod: true,
      addGarbage: (count) => each(count, () => rows.addRoute(tenantId, domainId, gone)),
      addKept: async () => {
        const other = await tenantWithAll();
        return [
          await rows.addRoute(tenantId, domainId, workloadId),
          await rows.addRoute(other.tenantId, other.domainId, other.workloadId),
          await rows.addRoute(tenantId, domainId, gone, HOUR - 60_000),
        ];
      },
      addLost: async () => [
        await rows.addRoute(tenantId, domainId, newId('workload')),
        await rows.addRoute(tenantId, newId('domain'), workloadId),
      ],
      present: (ids) => rows.present('routes', ids),
      teardown: () => plane.dataSource.query('DELETE FROM routes'),
    };
  },
  certificates: async () => {
    const tenantId = newId('tenant');
    await rows.recordDeletion(tenantId, tenantId);
    const names = () => [`${newId('domain').replaceAll('_', '-')}.example`];
    return {
      pass: new CertificatesPass(transactions, plane.events),
      tenantId,
      hasGracePeriod: true,
      addGarbage: (count) => each(count, () => rows.addCertificate(tenantId, newId('domain'), names())),
      addKept: async () => {
        const { tenantId: other, domainId } = await tenantWithAll();
        return [
          await rows.addCertificate(other, domainId, names()),
          await rows.addCertificate(tenantId, newId('domain'), names(), { age: HOUR - 60_000 }),
          await rows.addCertificate(tenantId, newId('domain'), names(), { ordering: true }),
        ];
      },
      addLost: async () => {
        const other = newId('tenant');
        await rows.addTenant(other);
        return [await rows.addCertificate(other, newId('domain'), names())];
      },
      present: (ids) => rows.present('certificates', ids),
      teardown: () => plane.dataSource.query('DELETE FROM certificates'),
    };
  },
  'health checks': async () => {
    const tenantId = newId('tenant');
    return {
      pass: new HealthChecksPass(transactions),
      tenantId,
      hasGracePeriod: true,
      addGarbage: async (count) => {
        const gone = newId('instance');
        await rows.recordDeletion(gone, tenantId);
        return each(count, () => rows.addCheck(tenantId, gone));
      },
      addKept: async () => {
        const [justNow, held] = [newId('instance'), newId('instance')];
        await rows.recordDeletion(justNow, tenantId, HOUR);
        await plane.dataSource.query(
          `INSERT INTO rowless_instances (store, tenant_id, instance_id, workload_id) VALUES ('s', $1, $2, '')`,
          [tenantId, held],
        );
        return [
          await rows.addCheck(tenantId, null),
          await rows.addCheck(tenantId, await rows.addInstance({ tenantId, age: HOUR })),
          await rows.addCheck(tenantId, newId('instance'), HOUR - 60_000),
          // The health runner has yet to do it.
          await rows.addCheck(tenantId, justNow),
          await rows.addCheck(tenantId, held),
        ];
      },
      addLost: async () => [await rows.addCheck(tenantId, newId('instance'))],
      present: (ids) => rows.present('health_checks', ids),
      teardown: () => plane.dataSource.query('DELETE FROM health_checks'),
    };
  },
  deployments: async () => {
    const { tenantId, workloadId } = await tenantWithAll();
    await plane.dataSource.query(`UPDATE workloads SET spec_hash = 'now' WHERE id = $1`, [workloadId]);
    const newest = async () => {
      for (let n = 0; n < KEEP; n++)
        await rows.addDeployment(tenantId, workloadId, { age: 1.5 * HOUR - n * 60_000 });
    };
    await newest();
    return {
      pass: new DeploymentsPass(transactions, garbageCollectorSettings({ keepDeployments: KEEP })),
      tenantId,
      hasGracePeriod: true,
      addGarbage: (count) =>
        each(count, async (n) => {
          const owner = n % 2 ? await rows.addDeletedWorkload(tenantId) : workloadId;
          return rows.addDeployment(tenantId, owner, { age: 2 * HOUR + n * 60_000, hash: 'older' });
        }),
      addKept: async () => {
        const { tenantId: other, workloadId: few } = await tenantWithAll();
        const unlucky = await rows.addWorkload(other);
        const failed = { state: 'failed', hash: 'bad', previous: { command: ['before'] } };
        return [
          ...(await each(KEEP, (n) =>
            rows.addDeployment(other, unlucky, { ...failed, age: 2 * HOUR + n * 60_000 }),
          )),
          // The last one that succeeded, and the last one of the spec that a rollback returns to.
          await rows.addDeployment(other, unlucky, { age: 5 * HOUR }),
          await rows.addDeployment(other, unlucky, {
            ...failed,
            age: 6 * HOUR,
            spec: { command: ['before'] },
          }),
          ...(await each(KEEP, (n) => rows.addDeployment(other, few, { age: 90 * HOUR + n }))),
          await rows.addDeployment(tenantId, workloadId, { age: 3 * HOUR, hash: 'now', state: 'failed' }),
          await rows.addDeployment(tenantId, workloadId, { age: 3 * HOUR, state: 'rolling' }),
        ];
      },
      addLost: () => each(2, (n) => rows.addDeployment(tenantId, newId('workload'), { age: 2 * HOUR + n })),
      present: (ids) => rows.present('deployments', ids),
      teardown: () => plane.dataSource.query('DELETE FROM deployments'),
    };
  },
  tenants: async () => ({
    pass: new TenantsPass(new TypeOrmOrphanRepository(transactions), plane.tenants, transactions),
    hasGracePeriod: true,
    addGarbage: (count) =>
      each(count, async () => {
        const tenantId = await rows.addDeletedTenant();
        const id = newId('datacenter');
        await plane.dataSource.query(
          `INSERT INTO datacenters (id, tenant_id, name) VALUES ($1, $2, 'main')`,
          [id, tenantId],
        );
        await rows.recordDeletion(tenantId, tenantId, 2 * HOUR);
        return id;
      }),
    addKept: async () => {
      const { tenantId } = await tenantWithAll();
      const ids = [newId('datacenter'), newId('datacenter')];
      await plane.dataSource.query(
        `INSERT INTO datacenters (id, tenant_id, name) VALUES ($1, $3, 'main'), ($2, $4, 'main')`,
        [...ids, tenantId, newId('tenant')],
      );
      return ids;
    },
    present: (ids) => rows.present('datacenters', ids),
  }),
};

/** Runs a pass, and does something after it has listed what is garbage and before anything of it is removed. */
async function interrupted(pass: GarbagePass, meanwhile: () => Promise<unknown>) {
  const context = passContext({
    heldTenants: async () => {
      await meanwhile();
      return new Set();
    },
  });
  await asSystem(() => pass.run(context));
  return context.report;
}

const tenantOf = async (table: string, id: string): Promise<TenantId> => {
  const [row] = await plane.dataSource.query<{ tenant_id: TenantId }[]>(
    `SELECT tenant_id FROM ${table} WHERE id = $1`,
    [id],
  );
  return row!.tenant_id;
};

/** Without its tenant. */
const addInstanceRow = (id: InstanceId, tenantId: TenantId): Promise<unknown> =>
  plane.dataSource.query(
    `INSERT INTO instances (id, tenant_id, name, provider, spec) VALUES ($1, $2, 'web', 'memory', '{}')`,
    [id, tenantId],
  );

/** Whether a statement waits for what another transaction has locked. */
const isWaiting = async (): Promise<boolean> => {
  const waiting = await plane.dataSource.query<unknown[]>(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
  );
  return waiting.length > 0;
};

describe('a pass that is overtaken', () => {
  it('counts nothing of a tenant that vanishes in mid-pass, and fails by none of it', async () => {
    const { tenantId, domainId } = await tenantWithAll();
    const gone = await rows.addDeletedWorkload(tenantId);
    for (let n = 0; n < 3; n++) await rows.addRoute(tenantId, domainId, gone);
    const report = await interrupted(new RoutesPass(transactions), async () => {
      for (const table of ['routes', 'domains', 'workloads'])
        await plane.dataSource.query(`DELETE FROM ${table} WHERE tenant_id = $1`, [tenantId]);
      await rows.removeTenant(tenantId);
    });
    expect(report).toEqual({ found: 3, removed: 0, held: 0, failed: 0 });
  });

  it('removes nothing whose owner has come back', async () => {
    const { tenantId, domainId } = await tenantWithAll();
    const gone = newId('workload');
    const kept = [await rows.addRoute(tenantId, domainId, gone)];
    const back = () => rows.addWorkload(tenantId, gone);
    expect(await interrupted(new RoutesPass(transactions), back)).toMatchObject({ found: 1, removed: 0 });
    expect(await rows.present('routes', kept)).toEqual(kept);

    const left = await rows.addDeletedTenant();
    const domain = await rows.addDomain(left);
    const domains = new DomainsPass(transactions, plane.events);
    expect(await interrupted(domains, () => rows.addTenant(left))).toMatchObject({ found: 1, removed: 0 });
    expect(await rows.present('domains', [domain])).toEqual([domain]);

    const instanceId = newId('instance');
    await rows.recordDeletion(instanceId, tenantId);
    const check = await rows.addCheck(tenantId, instanceId);
    const restored = () => addInstanceRow(instanceId, tenantId);
    const checks = new HealthChecksPass(transactions);
    expect(await interrupted(checks, restored)).toMatchObject({ found: 1, removed: 0 });
    expect(await rows.present('health_checks', [check])).toEqual([check]);
  });

  it('removes nothing of a deleted tenant that has come back', async () => {
    const subject = await SUBJECTS.tenants!();
    const [datacenter] = await subject.addGarbage(1);
    const tenantId = await tenantOf('datacenters', datacenter!);
    const workload = await rows.addWorkload(tenantId);
    await rows.removeTenant(tenantId);
    await rows.deletedBefore(tenantId, 2 * HOUR);
    const back = () => rows.addTenant(tenantId);
    expect(await interrupted(subject.pass, back)).toEqual({ found: 1, removed: 0, held: 0, failed: 0 });
    expect(await subject.present([datacenter!])).toEqual([datacenter]);
    expect(await rows.present('workloads', [workload])).toEqual([workload]);
    expect(await rows.present('tenants', [tenantId])).toEqual([tenantId]);
  });

  it('removes nothing of a deleted tenant that something runs for again', async () => {
    const subject = await SUBJECTS.tenants!();
    const [datacenter] = await subject.addGarbage(1);
    const tenantId = await tenantOf('datacenters', datacenter!);
    const restored = () => addInstanceRow(newId('instance'), tenantId);
    expect(await interrupted(subject.pass, restored)).toEqual({ found: 1, removed: 0, held: 0, failed: 0 });
    expect(await subject.present([datacenter!])).toEqual([datacenter]);
  });

  it.each(['tenants', 'domains'])(
    'waits for who is about to bring a tenant back, and then removes nothing: %s',
    async (name) => {
      const subject = await SUBJECTS[name]!();
      const [left] = await subject.addGarbage(1);
      const tenantId = await tenantOf(name === 'tenants' ? 'datacenters' : name, left!);
      const restore = plane.dataSource.createQueryRunner();
      try {
        await restore.startTransaction();
        await restore.query(`INSERT INTO tenants (id, name) VALUES ($1, replace($1, '_', '-'))`, [tenantId]);
        const run = interrupted(subject.pass, async () => {});
        await Promise.race([run, eventually(isWaiting)]);
        await restore.commitTransaction();
        expect(await run).toEqual({ found: 1, removed: 0, held: 0, failed: 0 });
        expect(await subject.present([left!])).toEqual([left]);
      } finally {
        await restore.release();
      }
    },
  );

  it('keeps a deployment that is returned to meanwhile', async () => {
    const { tenantId, workloadId } = await tenantWithAll();
    for (let n = 0; n < KEEP; n++)
      await rows.addDeployment(tenantId, workloadId, { age: 2 * HOUR - n * 60_000 });
    const old = await rows.addDeployment(tenantId, workloadId, { age: 9 * HOUR, hash: 'before' });
    const pass = new DeploymentsPass(transactions, garbageCollectorSettings({ keepDeployments: KEEP }));
    const rolledBack = () =>
      plane.dataSource.query(`UPDATE workloads SET spec_hash = 'before' WHERE id = $1`, [workloadId]);
    expect(await interrupted(pass, rolledBack)).toMatchObject({ found: 1, removed: 0 });
    expect(await rows.present('deployments', [old])).toEqual([old]);
  });
});

describe.each(Object.keys(SUBJECTS))('the pass over %s', (name) => {
  for (const { name: sentence, run } of garbagePassContract(() => SUBJECTS[name]!()))
    it(sentence, () => asSystem(run));
});
