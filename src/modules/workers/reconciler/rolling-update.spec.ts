import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { eventually } from '../../../../test/support/eventually.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { type TenantId } from '../../ids/typed-id.js';
import { type Instance } from '../../instances/instance.js';
import { InstanceReadiness } from '../../instances/readiness.js';
import { type WorkloadUpdate } from '../../workloads/workload-input.js';
import { type Workload } from '../../workloads/workload.js';

const OLD = { command: ['old'] };
const NEW = { command: ['new'] };

describe('a rolling update', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let tenantId: TenantId;
  let workload: Workload;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    replica = await startReplica(database.url, [provider]);
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
  });
  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  const create = async (rollout: WorkloadUpdate['rollout'] = {}, replicas = 3) => {
    workload = await asSystem(() =>
      replica.workloads.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: OLD,
        replicas,
        rollout: { minReady: 0, ...rollout },
      }),
    );
  };
  const update = (change: WorkloadUpdate = { spec: NEW }) =>
    asSystem(() => replica.workloads.update(tenantId, workload.id, change));
  const pass = () => replica.run('reconciler');
  const instances = async (): Promise<Instance[]> =>
    (await asSystem(() => replica.instances.list(tenantId, { workloadId: workload.id }))).items;
  const specs = async () => (await instances()).map(({ spec }) => spec.command[0]);
  const latest = async () =>
    (await asSystem(() => replica.workloads.deploymentsOf(tenantId, workload.id)))[0]!;
  const deployments = async () =>
    (await asSystem(() => replica.workloads.deploymentsOf(tenantId, workload.id))).map(({ state }) => state);
  const told = async (...types: string[]) => (await replica.told(...types)).map(({ type }) => type);
  const DEPLOYMENTS = ['deployment.started', 'deployment.succeeded', 'deployment.failed'];

  it('replaces one after the other, each when its successor is ready, and tells its beginning and its end', async () => {
    await create();
    await update();
    expect(await specs()).toEqual(['old', 'old', 'old', 'new']);
    const ready: number[] = [];
    await eventually(async () => {
      await pass();
      ready.push((await instances()).filter(({ state }) => state === 'running').length);
      return (await latest()).state === 'succeeded';
    });
    expect(Math.min(...ready)).toBeGreaterThanOrEqual(3);
    expect(Math.max(...ready)).toBeLessThanOrEqual(4);
    expect(await specs()).toEqual(['new', 'new', 'new']);
    expect([...provider.running.values()].map(({ spec }) => spec.command[0])).toEqual(['new', 'new', 'new']);
    expect(await told(...DEPLOYMENTS)).toEqual(['deployment.started', 'deployment.succeeded']);
    expect((await replica.told('instance.deleted')).map(({ payload }) => payload.reason)).toEqual(
      Array.from({ length: 3 }, () => 'replaced'),
    );
  });

  it('goes on by itself', async () => {
    await create();
    await update();
    await eventually(async () => (await latest()).state === 'succeeded', 30_000);
    expect(await specs()).toEqual(['new', 'new', 'new']);
  });

  it('waits for what knows more of health than that it runs', async () => {
    await create();
    let healthy = false;
    replica.find(InstanceReadiness).add(async (all) => new Map(all.map(({ id }) => [id, healthy])));
    await update();
    await pass();
    await pass();
    expect(await specs()).toEqual(['old', 'old', 'old', 'new']);
    healthy = true;
    await pass();
    expect((await specs()).filter((spec) => spec === 'old')).toHaveLength(2);
  });

  it('stops when the new one cannot run, keeps the old ones, says so once, and can be rolled back', async () => {
    await create({ progressDeadline: 3_000 });
    provider.beforeProvision = () => Promise.reject(new Error('no such program'));
    await update();
    await eventually(async () => (await pass(), (await latest()).state === 'failed'));
    expect((await latest()).reason).toMatch(/no such program/);
    await pass();
    expect(await specs()).toEqual(['old', 'old', 'old']);
    expect(await told(...DEPLOYMENTS)).toEqual(['deployment.started', 'deployment.failed']);
    provider.beforeProvision = async () => undefined;
    await asSystem(() => replica.workloads.rollback(tenantId, workload.id));
    await pass();
    expect(await latest()).toMatchObject({ state: 'succeeded', spec: OLD });
    expect((await asSystem(() => replica.workloads.get(tenantId, workload.id))).spec).toEqual(OLD);
  });

  it('begins again when the same spec is asked for after it has failed; a rollback then returns to what ran before', async () => {
    await create({ progressDeadline: 3_000 });
    provider.beforeProvision = () => Promise.reject(new Error('no such program'));
    await update();
    await update();
    expect(await deployments()).toEqual(['rolling']);
    await eventually(async () => (await pass(), (await latest()).state === 'failed'));
    await update({ replicas: 3 });
    expect(await deployments()).toEqual(['failed']);
    await update();
    await update();
    expect(await deployments()).toEqual(['rolling', 'failed']);
    await eventually(async () => (await pass(), (await latest()).state === 'failed'));
    expect((await latest()).previousSpec).toEqual(OLD);
    provider.beforeProvision = async () => undefined;
    await update();
    await eventually(async () => (await pass(), (await latest()).state === 'succeeded'));
    expect(await specs()).toEqual(['new', 'new', 'new']);
    expect(await told(...DEPLOYMENTS)).toEqual([
      ...['deployment.started', 'deployment.failed', 'deployment.started', 'deployment.failed'],
      ...['deployment.started', 'deployment.succeeded'],
    ]);
    await asSystem(() => replica.workloads.rollback(tenantId, workload.id));
    expect((await latest()).spec).toEqual(OLD);
  });

  it('returns to what ran before also after two specs that failed', async () => {
    await create({ progressDeadline: 3_000 });
    provider.beforeProvision = () => Promise.reject(new Error('no such program'));
    for (const command of ['new', 'newer']) {
      await update({ spec: { command: [command] } });
      await eventually(async () => (await pass(), (await latest()).state === 'failed'));
    }
    provider.beforeProvision = async () => undefined;
    await asSystem(() => replica.workloads.rollback(tenantId, workload.id));
    await pass();
    expect(await latest()).toMatchObject({ state: 'succeeded', spec: OLD });
  });

  it('does not give up at once, begun again, for what the failed one has left crash-looping', async () => {
    await create({ maxSurge: 0, maxUnavailable: 1 }, 1);
    let healthy = false;
    replica.find(InstanceReadiness).add(async (all) => new Map(all.map(({ id }) => [id, healthy])));
    await update();
    await eventually(async () => (await pass(), (await specs()).join() === 'new'));
    await replica.dataSource.query(
      `UPDATE instances SET state = 'failed', reason = 'crash_looping', last_error = 'no disk'`,
    );
    await pass();
    expect(await latest()).toMatchObject({ state: 'failed', reason: expect.stringMatching(/no disk/) });
    await replica.dataSource.query(`UPDATE instances SET reason = 'crash_looping'`);
    await update();
    expect((await latest()).state).toBe('rolling');
    healthy = true;
    await eventually(async () => (await pass(), (await latest()).state === 'succeeded'));
    expect(await specs()).toEqual(['new']);
  });

  it('replaces nothing while it is paused, and goes on when resumed', async () => {
    await create();
    await asSystem(() => replica.workloads.pause(tenantId, workload.id));
    await update();
    await pass();
    expect(await specs()).toEqual(['old', 'old', 'old']);
    await asSystem(() => replica.workloads.resume(tenantId, workload.id));
    await eventually(async () => (await pass(), (await latest()).state === 'succeeded'));
  });

  it('does not count the time of a pause, nor that in which no replica ran, as time without progress', async () => {
    await create({ progressDeadline: 600_000 });
    let healthy = false;
    replica.find(InstanceReadiness).add(async (all) => new Map(all.map(({ id }) => [id, healthy])));
    await update();
    const anHourAgo = () =>
      replica.dataSource.query(`UPDATE deployments SET progressed_at = progressed_at - interval '1 hour'`);
    await asSystem(() => replica.workloads.pause(tenantId, workload.id));
    await anHourAgo();
    await asSystem(() => replica.workloads.resume(tenantId, workload.id));
    const { progressedAt } = await latest();
    expect(Date.now() - Number(progressedAt)).toBeLessThan(600_000);
    await anHourAgo();
    await pass();
    expect((await latest()).state).toBe('rolling');
    healthy = true;
    await eventually(async () => (await pass(), (await latest()).state === 'succeeded'));
  });

  it('may take some away first, if that is allowed and more is not', async () => {
    await create({ maxSurge: 0, maxUnavailable: 1 });
    await update();
    await eventually(async () => {
      await pass();
      expect((await instances()).length).toBeLessThanOrEqual(3);
      return (await latest()).state === 'succeeded';
    });
    await expect(update({ rollout: { maxUnavailable: 0 } })).rejects.toThrow(/nothing could be replaced/);
  });

  it('goes over into the next one when it is changed again on its way', async () => {
    await create();
    await update();
    await update({ spec: { command: ['newer'] } });
    await eventually(async () => (await pass(), (await latest()).state === 'succeeded'));
    expect(await specs()).toEqual(['newer', 'newer', 'newer']);
    const all = await asSystem(() => replica.workloads.deploymentsOf(tenantId, workload.id));
    expect(all.map(({ state }) => state)).toEqual(['succeeded', 'superseded']);
  });

  it('is carried on by another replica when the first is gone', async () => {
    await create();
    await update();
    await replica.stop();
    replica = await startReplica(database.url, [provider]);
    await eventually(async () => (await latest()).state === 'succeeded', 30_000);
    expect(await specs()).toEqual(['new', 'new', 'new']);
  });

  // Of an update of two instances: two are made and two removed, each call cut before and after its effect.
  it.each([0, 1, 2, 3, 4, 5, 6])('finishes what a crash at its call %i left', async (step) => {
    await create({}, 2);
    let left = step;
    const cut = async () => {
      if (left-- === 0) throw new Error('killed');
    };
    const hooks = (hook: () => Promise<void>) => ({
      beforeProvision: hook,
      afterProvision: hook,
      beforeDeprovision: hook,
      afterDeprovision: hook,
    });
    Object.assign(provider, hooks(cut));
    await update().catch(() => undefined);
    await eventually(async () => {
      await replica.dataSource.query('UPDATE instances SET next_attempt_at = NULL');
      await replica.run('instance_drift');
      await pass();
      return (await latest()).state === 'succeeded';
    }, 20_000);
    expect(await specs()).toEqual(['new', 'new']);
    expect([...provider.running.keys()].toSorted()).toEqual(
      (await instances()).map(({ id }) => id).toSorted(),
    );
  });

  it('writes nothing when it is over', async () => {
    await create();
    await update();
    await eventually(async () => (await pass(), (await latest()).state === 'succeeded'));
    await pass();
    const rows = () =>
      Promise.all(
        ['instances', 'workloads', 'deployments', 'datacenters'].map((table) =>
          replica.dataSource.query(`SELECT xmin::text, t.* FROM ${table} t ORDER BY id`),
        ),
      );
    const before = await rows();
    provider.done.length = 0;
    await pass();
    expect(await rows()).toEqual(before);
    expect(provider.done).toEqual([]);
  });

  it('brings back instances whose rows were lost, and finishes a deletion that was begun', async () => {
    await create();
    await replica.dataSource.query('DELETE FROM instances WHERE id = $1', [(await instances())[0]!.id]);
    await pass();
    expect(await instances()).toHaveLength(3);
    await replica.dataSource.query(`UPDATE workloads SET replicas = 0, deletion_reason = 'requested'`);
    await pass();
    expect(await instances()).toEqual([]);
    expect((await asSystem(() => replica.workloads.list(tenantId))).items).toEqual([]);
  });
});
