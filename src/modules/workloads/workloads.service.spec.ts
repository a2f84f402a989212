import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../test/support/control-plane.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { withClaims } from '../auth/claims.js';
import { UnknownDatacenterError } from '../datacenters/datacenter.errors.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type DatacenterId, newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { InstancesLeftError } from '../instances/instance.errors.js';
import { type Instance } from '../instances/instance.js';
import { UnknownProviderError } from '../providers/provider.errors.js';
import { UnknownTenantError } from '../tenants/tenant.errors.js';
import { type WorkloadRequest } from './workload-input.js';
import { UnknownWorkloadError, WorkloadNameTakenError } from './workload.errors.js';
import { type Workload } from './workload.js';

describe('WorkloadsService', () => {
  let plane: ControlPlane;
  let tenantId: TenantId;
  let tenants = 0;

  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane.stop());
  beforeEach(async () => {
    const nothing = async () => undefined;
    Object.assign(plane.provider, { beforeProvision: nothing, afterProvision: nothing });
    Object.assign(plane.provider, { beforeDeprovision: nothing, afterDeprovision: nothing });
    plane.provider.running.clear();
    ({ id: tenantId } = await asSystem(() => plane.tenants.create({ name: `tenant-${++tenants}` })));
  });

  const request: WorkloadRequest = { name: 'web', spec: { command: ['true'] }, replicas: 3 };
  const create = (more: Partial<WorkloadRequest> = {}) =>
    asSystem(() => plane.workloads.create(tenantId, { ...request, ...more }));
  const scale = ({ id }: Workload, replicas: number) =>
    asSystem(() => plane.workloads.scale(tenantId, id, replicas));
  const converge = ({ id }: Workload) => asSystem(() => plane.workloads.converge(tenantId, id));
  const remove = ({ id }: Workload) => asSystem(() => plane.workloads.delete(tenantId, id));
  const instancesOf = async ({ id }: Workload): Promise<Instance[]> =>
    (await asSystem(() => plane.instances.list(tenantId, { workloadId: id }))).items;
  const told = async (type: string) =>
    (await plane.told(type)).filter((event) => event.tenantId === tenantId).map(({ payload }) => payload);
  const fail = () => Promise.reject(new Error('on purpose'));

  describe('create', () => {
    it('stores the workload, starts its instances, and tells it', async () => {
      const workload = await create({ labels: { team: 'x', 'ctrlplane.gc': 'protect' } });
      expect(workload).toMatchObject({ tenantId, name: 'web', provider: 'memory', replicas: 3 });
      expect(await asSystem(() => plane.workloads.get(tenantId, workload.id))).toEqual(workload);
      expect(await asSystem(() => plane.workloads.getByName(tenantId, 'web'))).toEqual(workload);
      const instances = await instancesOf(workload);
      expect(instances).toHaveLength(3);
      for (const instance of instances) {
        expect(instance).toMatchObject({ state: 'running', name: 'web', spec: request.spec });
        expect(instance.labels).toEqual({
          team: 'x',
          'ctrlplane.gc': 'protect',
          'ctrlplane.workload': workload.id,
          'ctrlplane.tenant': tenantId,
          'ctrlplane.instance': instance.id,
        });
      }
      expect([...plane.provider.running.keys()].toSorted()).toEqual(instances.map(({ id }) => id).toSorted());
      expect(await told('workload.created')).toEqual([
        { workloadId: workload.id, name: 'web', provider: 'memory', replicas: 3 },
      ]);
    });

    it('is no error when instances cannot be started: they say so themselves, and converge tries again', async () => {
      plane.provider.beforeProvision = fail;
      const workload = await create();
      expect((await instancesOf(workload)).map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
      plane.provider.beforeProvision = async () => undefined;
      expect((await converge(workload)).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    });

    it.each<[string, Partial<WorkloadRequest>, new (...args: never[]) => Error]>([
      ['a name that is none', { name: 'My Web' }, InvalidInputError],
      ['replicas that are no whole number', { replicas: 1.5 }, InvalidInputError],
      ['negative replicas', { replicas: -1 }, InvalidInputError],
      ['more replicas than one machine can mean', { replicas: 1_001 }, InvalidInputError],
      ['an unknown key', { replica: 3 } as object, InvalidInputError],
      ['no program', { spec: { command: [] } }, InvalidInputError],
      ["a label of the control plane's", { labels: { 'ctrlplane.workload': 'x' } }, InvalidInputError],
      ['a malformed datacenter id', { datacenterId: 'dc_1' as DatacenterId }, InvalidIdError],
      ['a datacenter that is not there', { datacenterId: newId('datacenter') }, UnknownDatacenterError],
      ['a provider that nobody registered', { provider: 'docker' }, UnknownProviderError],
    ])('refuses %s before it stores anything', async (_what, more, error) => {
      await expect(create(more)).rejects.toThrow(error);
      expect((await asSystem(() => plane.workloads.list(tenantId))).items).toEqual([]);
      expect(await told('workload.created')).toEqual([]);
    });

    it('says what is wrong with the value and where', async () => {
      await expect(create({ replicas: -1 })).rejects.toThrow(
        'replicas: -1 is not a whole number from 0 to 1000',
      );
      await expect(create({ labels: { 'ctrlplane.tenant': 'x' } })).rejects.toThrow(
        'labels: "ctrlplane.tenant" is set by the control plane: remove it',
      );
    });

    it('refuses what its provider cannot give, when it is made and when it is updated', async () => {
      const command = ['true'];
      const spec = { command, image: 'web:1', services: [{ name: 'log', command }] };
      const fault = (part: string) => expect.stringContaining(`spec.${part}: not with the provider "memory"`);
      const refused = { faults: [fault('image'), fault('services')] };
      await expect(create({ spec })).rejects.toMatchObject(refused);
      const workload = await create({ replicas: 0 });
      const update = asSystem(() => plane.workloads.update(tenantId, workload.id, { spec }));
      await expect(update).rejects.toMatchObject(refused);
      expect(await asSystem(() => plane.workloads.get(tenantId, workload.id))).toEqual(workload);
    });

    it('refuses a name that the tenant has given already, and a tenant that is not there', async () => {
      await create();
      await expect(create()).rejects.toThrow(WorkloadNameTakenError);
      tenantId = newId('tenant');
      await expect(create()).rejects.toThrow(UnknownTenantError);
    });

    it("takes one of the tenant's datacenters, and not another tenant's", async () => {
      const datacenter = await asSystem(() => plane.datacenters.create(tenantId, { name: 'fra1' }));
      expect(await create({ datacenterId: datacenter.id })).toMatchObject({ datacenterId: datacenter.id });
      ({ id: tenantId } = await asSystem(() => plane.tenants.create({ name: 'stranger' })));
      await expect(create({ datacenterId: datacenter.id })).rejects.toThrow(UnknownDatacenterError);
    });
  });

  describe('scale', () => {
    it('starts what is missing and removes the newest of what is too much', async () => {
      const workload = await create({ replicas: 2 });
      const [first, second] = await instancesOf(workload);
      await scale(workload, 4);
      expect(await instancesOf(workload)).toHaveLength(4);
      expect(await scale(workload, 1)).toMatchObject({ replicas: 1 });
      expect((await instancesOf(workload)).map(({ id }) => id)).toEqual([first!.id]);
      expect([...plane.provider.running.keys()]).toEqual([first!.id]);
      const deleted = await told('instance.deleted');
      expect(deleted).toHaveLength(3);
      expect(deleted.every(({ reason }) => reason === 'scaled_down')).toBe(true);
      expect(deleted.map(({ instanceId }) => instanceId)).toContain(second!.id);
      expect(await told('workload.scaled')).toMatchObject([
        { from: 2, to: 4 },
        { from: 4, to: 1 },
      ]);
    });

    it('to what it has already is told to nobody', async () => {
      const workload = await create();
      await scale(workload, 3);
      expect(await told('workload.scaled')).toEqual([]);
    });

    it('refuses a number that is none, and a workload that is not there', async () => {
      const workload = await create({ replicas: 0 });
      for (const replicas of [-1, 1.5, 1_001, Number.NaN]) {
        await expect(scale(workload, replicas)).rejects.toThrow(InvalidInputError);
      }
      await expect(scale({ ...workload, id: newId('workload') }, 1)).rejects.toThrow(UnknownWorkloadError);
    });
  });

  describe('converge', () => {
    it('changes nothing when everything is as it should be', async () => {
      const workload = await create();
      const before = await instancesOf(workload);
      plane.provider.done.length = 0;
      expect(await converge(workload)).toEqual(before);
      expect(plane.provider.done).toEqual([]);
    });

    it('replaces what is gone, and takes no notice of what is another workload or tenant', async () => {
      const workload = await create();
      const other = await create({ name: 'other', replicas: 1 });
      await plane.dataSource.query('DELETE FROM instances WHERE id = $1', [
        (await instancesOf(workload))[0]!.id,
      ]);
      expect(await converge(workload)).toHaveLength(3);
      expect(await instancesOf(other)).toHaveLength(1);
    });

    it('agrees on the number when several do it at the same time', async () => {
      const workload = await create({ replicas: 0 });
      await Promise.all([5, 5, 5, 5].map((replicas) => scale(workload, replicas)));
      expect(await instancesOf(workload)).toHaveLength(5);
      await Promise.all([2, 2, 2, 2].map((replicas) => scale(workload, replicas)));
      expect(await instancesOf(workload)).toHaveLength(2);
      expect(await told('instance.deleted')).toHaveLength(3);
    });

    it('finishes a removal that was begun, and puts another in its place', async () => {
      const workload = await create({ replicas: 1 });
      const [begun] = await instancesOf(workload);
      plane.provider.beforeDeprovision = fail;
      await expect(asSystem(() => plane.instances.delete(tenantId, begun!.id))).rejects.toThrow();
      plane.provider.beforeDeprovision = async () => undefined;
      const [after] = await converge(workload);
      expect(after).toMatchObject({ state: 'running' });
      expect(after!.id).not.toBe(begun!.id);
      expect([...plane.provider.running.keys()]).toEqual([after!.id]);
    });

    it('leaves an instance alone that somebody stopped', async () => {
      const workload = await create({ replicas: 1 });
      const [{ id }] = (await instancesOf(workload)) as [Instance];
      await plane.dataSource.query(`UPDATE instances SET state = 'stopped' WHERE id = $1`, [id]);
      expect(await converge(workload)).toMatchObject([{ id, state: 'stopped' }]);
    });
  });

  describe('delete', () => {
    it('removes the instances and then the row, and tells it', async () => {
      const workload = await create();
      plane.provider.afterDeprovision = async () => {
        await asSystem(() => plane.workloads.get(tenantId, workload.id));
      };
      await remove(workload);
      expect(plane.provider.running.size).toBe(0);
      expect(await instancesOf(workload)).toEqual([]);
      await expect(asSystem(() => plane.workloads.get(tenantId, workload.id))).rejects.toThrow(
        UnknownWorkloadError,
      );
      const deleted = await told('instance.deleted');
      expect(deleted.map(({ reason }) => reason)).toEqual(Array(3).fill('workload_deleted'));
      expect(await told('workload.deleted')).toEqual([{ workloadId: workload.id, name: 'web' }]);
    });

    it('keeps the row while an instance is left, and finishes when it is repeated', async () => {
      const workload = await create();
      const [stuck] = await instancesOf(workload);
      plane.provider.beforeDeprovision = async (id) => {
        if (id === stuck!.id) throw new Error('device busy');
      };
      await expect(remove(workload)).rejects.toThrow(InstancesLeftError);
      expect((await instancesOf(workload)).map(({ id }) => id)).toEqual([stuck!.id]);
      expect(await told('workload.deleted')).toEqual([]);
      plane.provider.beforeDeprovision = async () => undefined;
      await remove(workload);
      expect(plane.provider.running.size).toBe(0);
      expect(await told('workload.deleted')).toHaveLength(1);
    });

    it('is told once when several do it at the same time, and is success when it is gone', async () => {
      const workload = await create();
      await Promise.all([1, 2, 3].map(() => remove(workload)));
      await remove(workload);
      expect(await told('workload.deleted')).toHaveLength(1);
      expect(await told('instance.deleted')).toHaveLength(3);
    });

    /** Does something once, while the first instance is being removed. */
    const meanwhile = (fn: () => Promise<unknown>) => {
      plane.provider.afterDeprovision = async () => {
        plane.provider.afterDeprovision = async () => undefined;
        await fn();
      };
    };

    it('is not thwarted by somebody who converges at the same time', async () => {
      const workload = await create();
      meanwhile(() => converge(workload));
      await remove(workload);
      expect(plane.provider.running.size).toBe(0);
      expect(await instancesOf(workload)).toEqual([]);
      expect(await told('instance.created')).toHaveLength(3);
    });

    it('also removes an instance that somebody adds to the workload at the same time', async () => {
      const workload = await create();
      const instance = { name: 'late', provider: 'memory', workloadId: workload.id, spec: request.spec };
      meanwhile(() => asSystem(() => plane.instances.create(tenantId, instance)));
      await remove(workload);
      expect(plane.provider.running.size).toBe(0);
      expect(await instancesOf(workload)).toEqual([]);
    });

    it('is not stopped by more instances than one page holds', async () => {
      const workload = await create({ replicas: 0 });
      const values = Array.from({ length: 120 }, () => `('${newId('instance')}')`).join();
      await plane.dataSource.query(
        `INSERT INTO instances (id, tenant_id, name, provider, labels, spec)
         SELECT id, $1, 'many', 'memory', jsonb_build_object('ctrlplane.workload', $2::text), '{"command": ["true"]}'
           FROM (VALUES ${values}) AS many (id)`,
        [tenantId, workload.id],
      );
      await remove(workload);
      expect(await instancesOf(workload)).toEqual([]);
    });

    it('can be aborted, and finished later', async () => {
      const workload = await create();
      const abort = new AbortController();
      plane.provider.afterDeprovision = async () => abort.abort(new Error('shutting down'));
      const { signal } = abort;
      const aborted = asSystem(() => plane.workloads.delete(tenantId, workload.id, { signal }));
      await expect(aborted).rejects.toThrow('shutting down');
      plane.provider.afterDeprovision = async () => undefined;
      await remove(workload);
      expect(plane.provider.running.size).toBe(0);
    });
  });

  it('lists the workloads of a tenant page by page', async () => {
    for (const name of ['c', 'a', 'b']) await create({ name, replicas: 0 });
    const page = await asSystem(() => plane.workloads.list(tenantId, { limit: 2 }));
    const rest = await asSystem(() => plane.workloads.list(tenantId, { after: page.next }));
    expect([...page.items, ...rest.items].map(({ name }) => name)).toEqual(['c', 'a', 'b']);
    expect(rest.next).toBeUndefined();
  });

  const calls: [string, (id: WorkloadId) => Promise<unknown>][] = [
    ['create', () => plane.workloads.create(tenantId, { ...request, name: 'other' })],
    ['get', (id) => plane.workloads.get(tenantId, id)],
    ['getByName', () => plane.workloads.getByName(tenantId, 'web')],
    ['list', () => plane.workloads.list(tenantId)],
    ['scale', (id) => plane.workloads.scale(tenantId, id, 0)],
    ['converge', (id) => plane.workloads.converge(tenantId, id)],
    ['delete', (id) => plane.workloads.delete(tenantId, id)],
  ];
  it.each(calls)('%s takes claims, and those of the tenant', async (_name, call) => {
    const workload = await create({ replicas: 1 });
    await expect(call(workload.id)).rejects.toThrow(UnauthorizedError);
    const stranger = { subject: 'user:eve', tenantId: newId('tenant'), roles: ['admin'] };
    await expect(withClaims(stranger, () => call(workload.id))).rejects.toThrow(ForbiddenError);
    expect(await instancesOf(workload)).toHaveLength(1);
  });
});
