import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../test/support/control-plane.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { withClaims } from '../auth/claims.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { InstancesLeftError } from '../instances/instance.errors.js';
import { TenantNameTakenError, UnknownTenantError } from './tenant.errors.js';
import { type Tenant } from './tenant.js';

describe('TenantsService', () => {
  let plane: ControlPlane;
  let names = 0;

  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane.stop());
  beforeEach(() => {
    const nothing = async () => undefined;
    Object.assign(plane.provider, { beforeDeprovision: nothing, afterDeprovision: nothing });
    plane.provider.running.clear();
  });

  const create = (name = `tenant-${++names}`) => asSystem(() => plane.tenants.create({ name }));
  const remove = (id: TenantId) => asSystem(() => plane.tenants.delete(id));
  const spec = { command: ['true'] };
  /** A tenant with two workloads, an instance of its own, and a datacenter. */
  const populated = async (): Promise<Tenant> => {
    const tenant = await create();
    await asSystem(async () => {
      await plane.datacenters.create(tenant.id, { name: 'fra1' });
      for (const name of ['a', 'b']) await plane.workloads.create(tenant.id, { name, spec, replicas: 2 });
      await plane.instances.create(tenant.id, { name: 'alone', provider: 'memory', spec });
    });
    return tenant;
  };
  const rowsOf = async (id: TenantId): Promise<unknown> =>
    plane.dataSource.query(
      `SELECT 'tenant' AS row FROM tenants WHERE id = $1
       UNION ALL SELECT 'datacenter' FROM datacenters WHERE tenant_id = $1
       UNION ALL SELECT 'workload' FROM workloads WHERE tenant_id = $1
       UNION ALL SELECT 'instance' FROM instances WHERE tenant_id = $1`,
      [id],
    );
  const told = async (id: TenantId, type: string) =>
    (await plane.told(type)).filter(({ tenantId }) => tenantId === id).map(({ payload }) => payload);

  it('makes tenants, finds them by id and name, and tells it', async () => {
    const tenant = await create('acme');
    expect(await asSystem(() => plane.tenants.get(tenant.id))).toEqual(tenant);
    expect(await asSystem(() => plane.tenants.getByName('acme'))).toEqual(tenant);
    expect((await asSystem(() => plane.tenants.list({ limit: 1_000 }))).items).toContainEqual(tenant);
    expect(await told(tenant.id, 'tenant.created')).toEqual([{ tenantId: tenant.id, name: 'acme' }]);
  });

  it('refuses a name that is taken or none, and keeps and tells nothing of it', async () => {
    await create('taken');
    const before = await plane.told();
    await expect(create('taken')).rejects.toThrow(TenantNameTakenError);
    await expect(create('Not A Name')).rejects.toThrow(InvalidInputError);
    expect(await plane.told()).toEqual(before);
  });

  it('says so when there is no such tenant', async () => {
    await expect(asSystem(() => plane.tenants.get(newId('tenant')))).rejects.toThrow(UnknownTenantError);
    await expect(asSystem(() => plane.tenants.getByName('nobody'))).rejects.toThrow(
      'There is no tenant "nobody"',
    );
  });

  it('deletes a tenant with all that is its own, and nothing else', async () => {
    const [tenant, other] = [await populated(), await populated()];
    await remove(tenant.id);
    expect(await rowsOf(tenant.id)).toEqual([]);
    expect(await rowsOf(other.id)).toHaveLength(9);
    expect([...plane.provider.running.values()].every(({ tenantId }) => tenantId === other.id)).toBe(true);
    const reasons = (await told(tenant.id, 'instance.deleted')).map(({ reason }) => reason);
    expect(reasons).toEqual([...Array(4).fill('workload_deleted'), 'tenant_deleted']);
    expect(await told(tenant.id, 'workload.deleted')).toHaveLength(2);
    expect(await told(tenant.id, 'tenant.deleted')).toEqual([{ tenantId: tenant.id, name: tenant.name }]);
  });

  it('keeps the tenant while something of it is left, and finishes when it is repeated', async () => {
    const tenant = await populated();
    plane.provider.beforeDeprovision = () => Promise.reject(new Error('device busy'));
    await expect(remove(tenant.id)).rejects.toThrow(InstancesLeftError);
    expect(await told(tenant.id, 'tenant.deleted')).toEqual([]);
    plane.provider.beforeDeprovision = async () => undefined;
    await remove(tenant.id);
    await remove(tenant.id);
    expect(await rowsOf(tenant.id)).toEqual([]);
    expect(await told(tenant.id, 'tenant.deleted')).toHaveLength(1);
  });

  it('also removes what is left of a tenant whose row is gone already', async () => {
    const tenant = await populated();
    await plane.dataSource.query('DELETE FROM tenants WHERE id = $1', [tenant.id]);
    await remove(tenant.id);
    expect(await rowsOf(tenant.id)).toEqual([]);
    expect(plane.provider.running.size).toBe(0);
  });

  it('leaves nothing behind when a workload is added while it is deleted', async () => {
    const tenant = await populated();
    plane.provider.afterDeprovision = async () => {
      plane.provider.afterDeprovision = async () => undefined;
      await asSystem(() => plane.workloads.create(tenant.id, { name: 'late', spec, replicas: 1 }));
    };
    await remove(tenant.id);
    expect(await rowsOf(tenant.id)).toEqual([]);
    expect(plane.provider.running.size).toBe(0);
    const tooLate = asSystem(() => plane.workloads.create(tenant.id, { name: 'later', spec, replicas: 1 }));
    await expect(tooLate).rejects.toThrow(UnknownTenantError);
  });

  it('shows a tenant itself, and nothing across tenants', async () => {
    const [tenant, other] = [await create(), await create()];
    await withClaims({ subject: 'user:ann', tenantId: tenant.id, roles: ['admin'] }, async () => {
      expect(await plane.tenants.get(tenant.id)).toEqual(tenant);
      await expect(plane.tenants.get(other.id)).rejects.toThrow(ForbiddenError);
      await expect(plane.tenants.getByName(tenant.name)).rejects.toThrow(ForbiddenError);
      await expect(plane.tenants.list()).rejects.toThrow(ForbiddenError);
      await expect(plane.tenants.create({ name: 'mine' })).rejects.toThrow(ForbiddenError);
      await expect(plane.tenants.delete(tenant.id)).rejects.toThrow(ForbiddenError);
    });
    for (const call of [
      () => plane.tenants.get(tenant.id),
      () => plane.tenants.getByName(tenant.name),
      () => plane.tenants.list(),
      () => plane.tenants.create({ name: 'mine' }),
      () => plane.tenants.delete(tenant.id),
    ]) {
      await expect(call()).rejects.toThrow(UnauthorizedError);
    }
  });
});
