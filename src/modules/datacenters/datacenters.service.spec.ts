import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../test/support/control-plane.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { withClaims } from '../auth/claims.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { DatacenterNameTakenError, UnknownDatacenterError } from './datacenter.errors.js';
import { type DatacenterStatus } from './datacenter.js';

describe('DatacentersService', () => {
  let plane: ControlPlane;
  let tenantId: TenantId;
  let tenants = 0;

  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane.stop());
  beforeEach(async () => {
    ({ id: tenantId } = await asSystem(() => plane.tenants.create({ name: `tenant-${++tenants}` })));
  });

  const create = (name = 'fra1', status?: DatacenterStatus) =>
    asSystem(() => plane.datacenters.create(tenantId, { name, status }));
  const told = async (type: string) =>
    (await plane.told(type)).filter((event) => event.tenantId === tenantId).map(({ payload }) => payload);

  it('makes datacenters, active unless told otherwise, and finds them', async () => {
    const [active, offline] = [await create('fra1'), await create('fra2', 'offline')];
    expect([active.status, offline.status]).toEqual(['active', 'offline']);
    await asSystem(async () => {
      expect(await plane.datacenters.get(tenantId, active.id)).toEqual(active);
      expect(await plane.datacenters.getByName(tenantId, 'fra2')).toEqual(offline);
      expect((await plane.datacenters.list(tenantId)).items).toEqual([active, offline]);
    });
    expect(await told('datacenter.created')).toMatchObject([{ name: 'fra1' }, { name: 'fra2' }]);
  });

  it('refuses what is no name or status, a name that is taken, and a tenant that is not there', async () => {
    await create();
    await expect(create()).rejects.toThrow(DatacenterNameTakenError);
    await expect(create('Fra 1')).rejects.toThrow(InvalidInputError);
    await expect(create('fra2', 'broken' as DatacenterStatus)).rejects.toThrow(
      'status: "broken" is no status: use one of active, draining, maintenance, offline',
    );
    tenantId = newId('tenant');
    await expect(create()).rejects.toThrow(UnknownTenantError);
  });

  it('sets the status and tells each change once', async () => {
    const { id } = await create();
    const set = (status: DatacenterStatus) =>
      asSystem(() => plane.datacenters.setStatus(tenantId, id, status));
    expect(await set('draining')).toMatchObject({ id, status: 'draining' });
    expect(await set('draining')).toMatchObject({ id, status: 'draining' });
    expect(await told('datacenter.status_changed')).toEqual([
      { datacenterId: id, name: 'fra1', from: 'active', to: 'draining' },
    ]);
    await expect(set('broken' as DatacenterStatus)).rejects.toThrow(InvalidInputError);
  });

  it('says so when there is no such datacenter', async () => {
    await asSystem(async () => {
      const id = newId('datacenter');
      await expect(plane.datacenters.get(tenantId, id)).rejects.toThrow(UnknownDatacenterError);
      await expect(plane.datacenters.getByName(tenantId, 'x')).rejects.toThrow(UnknownDatacenterError);
      await expect(plane.datacenters.setStatus(tenantId, id, 'active')).rejects.toThrow(
        UnknownDatacenterError,
      );
    });
  });

  it('takes claims, and those of the tenant', async () => {
    const { id } = await create();
    const stranger = { subject: 'user:eve', tenantId: newId('tenant'), roles: ['admin'] };
    for (const call of [
      () => plane.datacenters.create(tenantId, { name: 'x' }),
      () => plane.datacenters.get(tenantId, id),
      () => plane.datacenters.getByName(tenantId, 'fra1'),
      () => plane.datacenters.list(tenantId),
      () => plane.datacenters.setStatus(tenantId, id, 'offline'),
    ]) {
      await expect(call()).rejects.toThrow(UnauthorizedError);
      await expect(withClaims<Promise<unknown>>(stranger, call)).rejects.toThrow(ForbiddenError);
    }
  });
});
