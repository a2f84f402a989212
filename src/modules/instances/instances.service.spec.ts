import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../test/support/control-plane.js';
import { gate } from '../../../test/support/gate.js';
import { ForbiddenError, UnauthorizedError } from '../auth/auth.errors.js';
import { withClaims } from '../auth/claims.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { UnknownProviderError } from '../providers/provider.errors.js';
import { InstanceNotRemovedError, InstancesLeftError, UnknownInstanceError } from './instance.errors.js';
import { type Instance } from './instance.js';
import { type InstanceRequest } from './instances.service.js';

describe('InstancesService', () => {
  let plane: ControlPlane;
  let tenantId: TenantId;

  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane.stop());
  beforeEach(() => {
    tenantId = newId('tenant');
    const nothing = async () => undefined;
    Object.assign(plane.provider, {
      beforeProvision: nothing,
      afterProvision: nothing,
      beforeDeprovision: nothing,
      afterDeprovision: nothing,
      beforeStart: nothing,
    });
    plane.provider.running.clear();
    plane.provider.done.length = 0;
  });

  const request: InstanceRequest = { name: 'web', provider: 'memory', spec: { command: ['true'] } };
  const create = (more: Partial<InstanceRequest> = {}, signal?: AbortSignal) =>
    asSystem(() => plane.instances.create(tenantId, { ...request, ...more }, signal));
  const remove = ({ id }: Instance, options = {}) =>
    asSystem(() => plane.instances.delete(tenantId, id, options));
  const get = ({ id }: { id: Instance['id'] }) => asSystem(() => plane.instances.get(tenantId, id));
  const list = async () => (await asSystem(() => plane.instances.list(tenantId))).items;
  const told = async (type: string) =>
    (await plane.told(type)).filter((event) => event.tenantId === tenantId).map(({ payload }) => payload);

  describe('create', () => {
    it('stores the instance, makes it run, and tells both', async () => {
      const workloadId = newId('workload');
      const instance = await create({ workloadId, labels: { team: 'x' } });
      expect(instance).toMatchObject({
        tenantId,
        workloadId,
        name: 'web',
        provider: 'memory',
        state: 'running',
        endpoints: [{ name: 'http', host: '127.0.0.1', port: 8080 }],
        ref: `ref-${instance.id}`,
        labels: {
          team: 'x',
          'ctrlplane.instance': instance.id,
          'ctrlplane.tenant': tenantId,
          'ctrlplane.workload': workloadId,
        },
      });
      expect(await get(instance)).toEqual(instance);
      expect(plane.provider.running.get(instance.id)?.labels).toEqual(instance.labels);
      const fact = { instanceId: instance.id, workloadId, name: 'web', provider: 'memory' };
      expect(await told('instance.created')).toEqual([fact]);
      expect(await told('instance.running')).toEqual([fact]);
    });

    it('has the row before the provider is asked', async () => {
      plane.provider.beforeProvision = async (id) => {
        expect(await get({ id })).toMatchObject({ state: 'provisioning' });
      };
      expect(await create()).toMatchObject({ state: 'running' });
    });

    it('gives a failed instance that says why, when the provider cannot make it run', async () => {
      plane.provider.beforeProvision = async () => {
        throw new Error('no such program\0: nginx');
      };
      const instance = await create();
      expect(instance).toMatchObject({ state: 'failed', lastError: 'no such program: nginx', endpoints: [] });
      expect(await get(instance)).toEqual(instance);
      expect(await told('instance.failed')).toMatchObject([
        { instanceId: instance.id, error: 'no such program: nginx' },
      ]);
    });

    it('stays running when another attempt, begun before it ran, fails after that', async () => {
      const [inside, stored] = [gate(), gate()];
      let other: Promise<Instance> | undefined;
      plane.provider.afterProvision = async (id) => {
        plane.provider.afterProvision = async () => {
          inside.open();
          await stored.opened;
          throw new Error('it has ended meanwhile');
        };
        other = asSystem(() => plane.instances.provision(tenantId, id));
        await inside.opened;
      };
      const instance = await create();
      stored.open();
      expect(await other).toMatchObject({ state: 'running' });
      expect(await get(instance)).toMatchObject({ state: 'running', attempts: 0 });
      expect(await told('instance.failed')).toEqual([]);
    });

    it('does not let labels pass as those of the control plane', async () => {
      const labels = {
        'ctrlplane.tenant': newId('tenant'),
        'ctrlplane.instance': 'x',
        'ctrlplane.gc': 'protect',
      };
      const instance = await create({ labels });
      expect(instance.labels).toEqual({
        'ctrlplane.tenant': tenantId,
        'ctrlplane.instance': instance.id,
        'ctrlplane.gc': 'protect',
      });
    });

    it.each([
      ['a provider that nobody registered', { provider: 'docker' }, UnknownProviderError],
      ['a malformed workload id', { workloadId: 'wkl_1' as WorkloadId }, InvalidIdError],
      ['an empty command', { spec: { command: [] } }, InvalidInputError],
    ])('refuses %s before it stores anything', async (_what, more, error) => {
      await expect(create(more)).rejects.toThrow(error);
      expect(await list()).toEqual([]);
    });

    it('leaves it provisioning when it is aborted, so that it can be finished', async () => {
      const abort = new AbortController();
      plane.provider.beforeProvision = async (_id, signal) => {
        abort.abort(new Error('shutting down'));
        signal?.throwIfAborted();
      };
      await expect(create({}, abort.signal)).rejects.toThrow('shutting down');
      const [instance] = await list();
      expect(instance).toMatchObject({ state: 'provisioning', lastError: undefined });
      plane.provider.beforeProvision = async () => undefined;
      const finished = await asSystem(() => plane.instances.provision(tenantId, instance!.id));
      expect(finished).toMatchObject({ state: 'running' });
    });
  });

  describe('provision', () => {
    it('brings a failed instance back, tells that once, and forgets the error', async () => {
      plane.provider.beforeProvision = () => Promise.reject(new Error('not yet'));
      const { id } = await create();
      plane.provider.beforeProvision = async () => undefined;
      const provision = () => asSystem(() => plane.instances.provision(tenantId, id));
      const [one, two] = await Promise.all([provision(), provision()]);
      for (const each of [one, two]) expect(each).toMatchObject({ state: 'running', lastError: undefined });
      expect(await told('instance.running')).toHaveLength(1);
    });

    it('removes what it has just made run, when the instance was deleted meanwhile', async () => {
      plane.provider.beforeProvision = async (id) => {
        await remove({ id } as Instance);
      };
      await expect(create()).rejects.toThrow(UnknownInstanceError);
      expect(plane.provider.running.size).toBe(0);
      expect(await list()).toEqual([]);
      expect(await told('instance.running')).toEqual([]);
      expect(await told('instance.deleted')).toHaveLength(1);
    });

    it('does not bring back an instance that is on its way out', async () => {
      const instance = await create();
      plane.provider.beforeDeprovision = () => Promise.reject(new Error('busy'));
      await remove(instance).catch(() => undefined);
      const again = asSystem(() => plane.instances.provision(tenantId, instance.id));
      await expect(again).rejects.toThrow(UnknownInstanceError);
      expect(await get(instance)).toMatchObject({ state: 'destroying' });
    });
  });

  describe('delete', () => {
    it('removes what runs, then the row, and tells it with the reason', async () => {
      const workloadId = newId('workload');
      const instance = await create({ workloadId });
      plane.provider.beforeDeprovision = async () => {
        expect(await get(instance)).toMatchObject({ state: 'destroying' });
      };
      plane.provider.afterDeprovision = async () => {
        expect(await get(instance)).toMatchObject({ state: 'destroying' });
      };
      await remove(instance, { reason: 'orphan_swept' });
      await expect(get(instance)).rejects.toThrow(UnknownInstanceError);
      expect(plane.provider.running.size).toBe(0);
      expect(await told('instance.deleted')).toEqual([
        { instanceId: instance.id, workloadId, name: 'web', provider: 'memory', reason: 'orphan_swept' },
      ]);
    });

    it('is told once, however many delete at the same time', async () => {
      const instance = await create();
      await Promise.all(Array.from({ length: 8 }, () => remove(instance)));
      expect(await told('instance.deleted')).toHaveLength(1);
    });

    it('of something that is gone, or never was, is success and tells nothing', async () => {
      const instance = await create();
      await remove(instance);
      await remove(instance);
      await asSystem(() => plane.instances.delete(tenantId, newId('instance')));
      expect(await told('instance.deleted')).toHaveLength(1);
    });

    it('keeps the row and says why, when the provider fails; repeating it finishes', async () => {
      const instance = await create();
      plane.provider.beforeDeprovision = () => Promise.reject(new Error('device busy'));
      const failed = remove(instance);
      await expect(failed).rejects.toThrow(InstanceNotRemovedError);
      await expect(failed).rejects.toThrow(
        `Provider "memory" could not remove instance ${instance.id}: device busy`,
      );
      expect(await get(instance)).toMatchObject({ state: 'destroying', lastError: 'device busy' });
      expect(await told('instance.deleted')).toEqual([]);
      plane.provider.beforeDeprovision = async () => undefined;
      await remove(instance);
      expect(await list()).toEqual([]);
    });

    it('keeps the row as it is when nobody knows where it is, and its provider is not registered', async () => {
      const instance = await create();
      await plane.dataSource.query(
        `UPDATE instances SET provider = 'docker', provider_store = NULL WHERE id = $1`,
        [instance.id],
      );
      await expect(remove(instance)).rejects.toThrow(UnknownProviderError);
      expect(await get(instance)).toMatchObject({ state: 'running', provider: 'docker' });
      expect(plane.provider.running.size).toBe(1);
    });

    it.each([
      ['of the same provider', 'memory'],
      ['of a provider that is not registered here', 'docker'],
    ])('leaves what is in a store %s that it does not reach to a replica that does', async (_which, name) => {
      const instance = await create();
      await plane.dataSource.query(
        `UPDATE instances SET provider = $2, provider_store = 'elsewhere' WHERE id = $1`,
        [instance.id, name],
      );
      expect(await remove(instance, { reason: 'scaled_down' })).toBe('requested');
      expect(await remove(instance, { reason: 'scaled_down' })).toBe('requested');
      const waiting = await get(instance);
      expect(waiting).toMatchObject({ state: 'destroying', deletionReason: 'scaled_down' });
      expect(waiting.requestedAt).toBeInstanceOf(Date);
      expect(plane.provider.done.filter((call) => call.startsWith('deprovision'))).toEqual([]);
      expect(await told('instance.deleted')).toEqual([]);
    });

    it('can be aborted, and finished later', async () => {
      const instance = await create();
      const abort = new AbortController();
      plane.provider.beforeDeprovision = async (_id, signal) => {
        abort.abort(new Error('shutting down'));
        signal?.throwIfAborted();
      };
      await expect(remove(instance, { signal: abort.signal })).rejects.toThrow('shutting down');
      expect(await get(instance)).toMatchObject({ state: 'destroying', lastError: undefined });
      plane.provider.beforeDeprovision = async () => undefined;
      await remove(instance);
      expect(await list()).toEqual([]);
    });

    it('tells nothing when the row could not be removed, and once when it is repeated', async () => {
      const instance = await create();
      await plane.dataSource.query(`
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON instances
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`);
      await expect(remove(instance)).rejects.toThrow('refused');
      expect(await told('instance.deleted')).toEqual([]);
      await plane.dataSource.query('DROP FUNCTION refuse CASCADE');
      await remove(instance);
      expect(await told('instance.deleted')).toHaveLength(1);
    });
  });

  describe('start, stop, restart, deploy', () => {
    const act = (call: 'start' | 'stop' | 'restart', { id }: Instance) =>
      asSystem(() => plane.instances[call](tenantId, id));
    const deploy = ({ id }: Instance, spec = next) =>
      asSystem(() => plane.instances.deploy(tenantId, id, spec));
    const next = { command: ['true'], env: { A: '2' } };
    const calls = () => plane.provider.done.map((call) => call.split(' ')[0]);

    it('stops what runs and starts it again, each told once and done once', async () => {
      const instance = await create();
      expect(await act('stop', instance)).toMatchObject({ state: 'stopped', desiredState: 'stopped' });
      expect(await act('stop', instance)).toMatchObject({ state: 'stopped', requestedAt: undefined });
      expect(await act('start', instance)).toMatchObject({ state: 'running', desiredState: 'running' });
      expect(await act('start', instance)).toMatchObject({ state: 'running', requestedAt: undefined });
      expect(calls()).toEqual(['provision', 'stop', 'start']);
      expect(await told('instance.stopped')).toHaveLength(1);
      expect(await told('instance.running')).toHaveLength(2);
    });

    it('restarts what runs, and what is stopped', async () => {
      const instance = await create();
      expect(await act('restart', instance)).toMatchObject({ state: 'running', restartRequested: false });
      await act('stop', instance);
      expect(await act('restart', instance)).toMatchObject({ state: 'running', restartRequested: false });
      expect(calls()).toEqual(['provision', 'restart', 'stop', 'start']);
      expect(await told('instance.restarted')).toHaveLength(1);
    });

    it('restarts for a health check what still is to run, and nothing that was stopped since', async () => {
      const instance = await create();
      const restart = () => asSystem(() => plane.instances.restartUnlessStopped(tenantId, instance.id));
      expect(await restart()).toMatchObject({ state: 'running', restartRequested: false });
      await act('stop', instance);
      expect(await restart()).toMatchObject({ state: 'stopped', desiredState: 'stopped' });
      expect(calls()).toEqual(['provision', 'restart', 'stop']);
      await asSystem(() => plane.instances.delete(tenantId, instance.id));
      await expect(restart()).rejects.toThrow(UnknownInstanceError);
    });

    it('deploys another spec, and does nothing for the same, however it is written', async () => {
      const instance = await create();
      const deployed = await deploy(instance);
      expect(deployed).toMatchObject({ state: 'running', spec: next });
      expect(deployed.specHash).not.toBe(instance.specHash);
      await deploy(instance, { env: { A: '2' }, command: ['true'] });
      expect(calls()).toEqual(['provision', 'deploy']);
      expect(await told('instance.deployed')).toHaveLength(1);
    });

    it('refuses a spec that cannot be, and an instance that is gone or on its way out', async () => {
      const instance = await create();
      await expect(deploy(instance, { command: [] } as never)).rejects.toThrow(InvalidInputError);
      plane.provider.beforeDeprovision = () => Promise.reject(new Error('busy'));
      await remove(instance).catch(() => undefined);
      await expect(act('stop', instance)).rejects.toThrow(UnknownInstanceError);
      await expect(act('start', { id: newId('instance') } as Instance)).rejects.toThrow(UnknownInstanceError);
    });

    it('keeps the request for a replica that reaches the store', async () => {
      const instance = await create();
      await plane.dataSource.query(`UPDATE instances SET provider_store = 'elsewhere' WHERE id = $1`, [
        instance.id,
      ]);
      const asked = await act('stop', instance);
      expect(asked).toMatchObject({ state: 'running', desiredState: 'stopped' });
      expect(asked.requestedAt).toBeInstanceOf(Date);
      expect(calls()).toEqual(['provision']);
    });

    it('does not lose what is asked for while the provider is at work', async () => {
      const instance = await create();
      await act('stop', instance);
      plane.provider.beforeStart = async () => {
        plane.provider.beforeStart = async () => undefined;
        await plane.dataSource.query(`UPDATE instances SET desired_state = 'stopped' WHERE id = $1`, [
          instance.id,
        ]);
      };
      await act('start', instance);
      expect(await get(instance)).toMatchObject({ state: 'stopped', desiredState: 'stopped' });
      expect((await get(instance)).requestedAt).toBeInstanceOf(Date);
    });

    it('says why and counts when the provider refuses, and forgets that at the next request', async () => {
      const instance = await create();
      await act('stop', instance);
      plane.provider.beforeStart = () => Promise.reject(new Error('no memory'));
      const failed = await act('start', instance);
      expect(failed).toMatchObject({ state: 'failed', lastError: 'no memory', attempts: 1 });
      expect(failed.nextAttemptAt).toBeInstanceOf(Date);
      plane.provider.beforeStart = async () => undefined;
      expect(await act('start', instance)).toMatchObject({
        state: 'running',
        lastError: undefined,
        attempts: 0,
      });
    });
  });

  describe('deleteEach', () => {
    it('goes on after one that cannot be removed, and says how many are left', async () => {
      const instances = [await create(), await create(), await create()];
      plane.provider.beforeDeprovision = async (id) => {
        if (id === instances[1]!.id) throw new Error('device busy');
      };
      const left = asSystem(() => plane.instances.deleteEach(tenantId, instances, { reason: 'requested' }));
      await expect(left).rejects.toThrow(InstancesLeftError);
      await expect(left).rejects.toThrow(/^1 of 3 instances could not be removed\. The first: .*device busy/);
      expect((await list()).map(({ id }) => id)).toEqual([instances[1]!.id]);
    });
  });

  describe('claims', () => {
    const calls: [string, (instance: Instance) => Promise<unknown>][] = [
      ['create', () => plane.instances.create(tenantId, request)],
      ['register', () => plane.instances.register(tenantId, request)],
      ['provision', ({ id }) => plane.instances.provision(tenantId, id)],
      ['get', ({ id }) => plane.instances.get(tenantId, id)],
      ['list', () => plane.instances.list(tenantId)],
      ['start', ({ id }) => plane.instances.start(tenantId, id)],
      ['stop', ({ id }) => plane.instances.stop(tenantId, id)],
      ['restart', ({ id }) => plane.instances.restart(tenantId, id)],
      ['restartUnlessStopped', ({ id }) => plane.instances.restartUnlessStopped(tenantId, id)],
      ['deploy', ({ id }) => plane.instances.deploy(tenantId, id, request.spec)],
      ['delete', ({ id }) => plane.instances.delete(tenantId, id)],
      ['deleteEach', (instance) => plane.instances.deleteEach(tenantId, [instance], {}).catch(causeOf)],
    ];

    it.each(calls)('%s takes claims, and those of the tenant', async (_name, call) => {
      const instance = await create();
      await expect(call(instance)).rejects.toThrow(UnauthorizedError);
      const stranger = { subject: 'user:eve', tenantId: newId('tenant'), roles: ['admin'] };
      await expect(withClaims(stranger, () => call(instance))).rejects.toThrow(ForbiddenError);
      expect(await list()).toEqual([instance]);
    });
  });
});

function causeOf(error: AggregateError): never {
  throw error.errors[0];
}
