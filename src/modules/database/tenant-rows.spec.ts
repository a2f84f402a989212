import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type DatacenterId, newId, type TenantId } from '../ids/typed-id.js';
import { DATACENTER_NAME_KEY, DatacenterEntity } from '../datacenters/datacenter.entity.js';
import { TenantRows } from './tenant-rows.js';

describe('rows of tenants', () => {
  let database: ControlPlaneDatabase;
  let rows: TenantRows<'datacenter', DatacenterEntity, { id: DatacenterId; name: string }>;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    rows = new TenantRows(database.transactions, {
      entity: DatacenterEntity,
      kind: 'datacenter',
      toItem: ({ id, name }) => ({ id, name }),
    });
  });
  afterAll(() => database.close());

  const insert = (tenantId: TenantId, name: string, id = newId('datacenter')) =>
    rows.insert(
      { ...rows.key(tenantId, id), name, status: 'active', bootstrap: [] },
      { [DATACENTER_NAME_KEY]: () => new Error(`${name} is taken`) },
    );

  it('are found, listed, locked and deleted by their tenant, and by no other', async () => {
    const [tenantId, stranger] = [newId('tenant'), newId('tenant')];
    const one = await insert(tenantId, 'one');
    const two = await insert(tenantId, 'two');
    const locked = (tenant: TenantId) => database.transactions.run(() => rows.lock(tenant, one.id));
    expect(await rows.find(tenantId, one.id)).toEqual(one);
    expect(await rows.findBy({ ...rows.of(tenantId), name: 'two' })).toEqual(two);
    expect((await rows.list(tenantId)).items).toEqual([one, two]);
    expect((await rows.list(tenantId, {}, { name: 'two' })).items).toEqual([two]);
    expect(await locked(tenantId)).toEqual(one);
    expect([await rows.find(stranger, one.id), await locked(stranger)]).toEqual([undefined, undefined]);
    expect((await rows.list(stranger, {}, { name: 'one' })).items).toEqual([]);
    expect([await rows.delete(stranger, one.id), await rows.delete(tenantId, one.id)]).toEqual([false, true]);
    expect(await rows.delete(tenantId, one.id)).toBe(false);
  });

  it('are changed where they fit, and given as they are then', async () => {
    const tenantId = newId('tenant');
    const { id } = await insert(tenantId, 'one');
    const key = rows.key(tenantId, id);
    expect(await rows.change(key, { name: 'other' })).toEqual({ id, name: 'other' });
    expect(await rows.change({ ...key, status: 'offline' }, { name: 'third' })).toBeUndefined();
  });

  it('tell which constraint a new one would break by the error that is given for it', async () => {
    const tenantId = newId('tenant');
    const { id } = await insert(tenantId, 'one');
    await expect(insert(tenantId, 'one')).rejects.toThrow('one is taken');
    await expect(insert(tenantId, 'two', id)).rejects.toMatchObject({ name: 'QueryFailedError' });
  });

  it('are asked for by no malformed id', async () => {
    const [tenantId, id] = [newId('tenant'), newId('datacenter')];
    for (const [tenant, given] of [
      ['ten_x', id],
      [tenantId, `dc_' OR '1'='1`],
    ] as [TenantId, DatacenterId][]) {
      expect(() => rows.key(tenant, given)).toThrow(InvalidIdError);
      for (const call of ['find', 'lock', 'delete'] as const)
        await expect((async () => rows[call](tenant, given))()).rejects.toThrow(InvalidIdError);
    }
    await expect(rows.list('ten_x')).rejects.toThrow(InvalidIdError);
  });
});
