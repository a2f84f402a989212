import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { eventually } from '../../../../test/support/eventually.js';
import { gate } from '../../../../test/support/gate.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';
import { newId, type TenantId } from '../../ids/typed-id.js';
import { type Instance } from '../../instances/instance.js';
import { type ReconcilerOptions } from './reconciler.options.js';

/** Nothing waits, unless a test says so. */
const AT_ONCE = { backoff: { initial: 0, max: 0 } };

describe('InstanceDriftWorker', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let tenantId: TenantId;
  const replicas: Replica[] = [];

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    tenantId = newId('tenant');
  });
  afterEach(async () => {
    await Promise.all(replicas.splice(0).map((each) => each.stop()));
    await database.drop();
  });

  async function start(options: ReconcilerOptions = {}, providers = [provider]): Promise<Replica> {
    replica = await startReplica(database.url, providers, options);
    replicas.push(replica);
    await replica.run('instance_drift'); // the first pass notes the store
    return replica;
  }
  const create = (more = {}) =>
    asSystem(() =>
      replica.instances.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: { command: ['true'] },
        ...more,
      }),
    );
  const get = ({ id }: Instance) => asSystem(() => replica.instances.get(tenantId, id));
  const pass = () => replica.run('instance_drift');
  const calls = () => provider.done.map((call) => call.split(' ')[0]);
  const told = async (...types: string[]) => (await replica.told(...types)).map(({ type }) => type);
  const DRIFT = ['instance.drifted', 'instance.recovered', 'instance.crash_looping', 'instance.failed'];

  it('starts again what has ended, as soon as its provider says so, and tells both', async () => {
    await start();
    const instance = await create();
    provider.crash(instance.id, 3);
    await eventually(async () => provider.running.get(instance.id)?.state === 'running');
    await eventually(async () => (await get(instance)).state === 'running');
    expect(await told(...DRIFT)).toEqual(['instance.drifted', 'instance.recovered']);
    const [drifted] = await replica.told('instance.drifted');
    expect(drifted?.payload).toMatchObject({ instanceId: instance.id, drift: 'exited', exitCode: 3 });
    expect(await get(instance)).toMatchObject({ attempts: 1, reason: undefined, lastError: undefined });
  });

  it('tells also of what ends while it is still being made', async () => {
    await start();
    const [entered, held] = [gate(), gate()];
    provider.afterProvision = async () => {
      entered.open();
      await held.opened;
    };
    const made = create();
    await entered.opened;
    const [id] = [...provider.running.keys()];
    provider.crash(id!, 9);
    await eventually(async () => provider.running.get(id!)?.state === 'running');
    held.open();
    const instance = await made;
    await eventually(async () => (await get(instance)).state === 'running');
    expect(await told(...DRIFT, 'instance.running')).toEqual(['instance.drifted', 'instance.recovered']);
    expect((await replica.told('instance.drifted'))[0]?.payload).toMatchObject({ exitCode: 9 });
    await pass();
    expect(await get(instance)).toMatchObject({ state: 'running', attempts: 1 });
  });

  it('tells of what ends between two that make it at the same time', async () => {
    await start();
    const { id } = await asSystem(() =>
      replica.instances.register(tenantId, { name: 'web', provider: 'memory', spec: { command: ['true'] } }),
    );
    const [entered, held] = [gate(), gate()];
    provider.beforeProvision = async () => {
      provider.beforeProvision = async () => undefined;
      entered.open();
      await held.opened;
    };
    const passed = pass();
    await entered.opened;
    expect(await asSystem(() => replica.instances.provision(tenantId, id))).toMatchObject({
      state: 'running',
    });
    provider.crash(id);
    held.open();
    await passed;
    expect(await told(...DRIFT)).toEqual(['instance.drifted', 'instance.recovered']);
    const { ref } = await provider.status(id);
    expect(await asSystem(() => replica.instances.get(tenantId, id))).toMatchObject({
      state: 'running',
      ref,
    });
    await pass();
    expect(provider.running.get(id)).toMatchObject({ state: 'running', starts: 2 });
  });

  it('makes anew what its provider has lost', async () => {
    await start();
    const instance = await create();
    provider.running.delete(instance.id);
    await pass();
    expect(await get(instance)).toMatchObject({ state: 'running' });
    expect(calls()).toEqual(['provision', 'provision']);
    expect((await replica.told('instance.drifted'))[0]?.payload).toMatchObject({ drift: 'missing' });
  });

  it('deploys what runs with another spec, and stops what is not to run', async () => {
    await start();
    const [one, two] = [await create(), await create()];
    await asSystem(() => replica.instances.stop(tenantId, two.id));
    provider.running.set(one.id, { ...provider.running.get(one.id)!, spec: { command: ['false'] } });
    provider.running.set(two.id, { ...provider.running.get(two.id)!, state: 'running' });
    provider.done.length = 0;
    await pass();
    expect(provider.running.get(one.id)).toMatchObject({ state: 'running', spec: { command: ['true'] } });
    expect(provider.running.get(two.id)).toMatchObject({ state: 'stopped' });
    expect(calls().sort()).toEqual(['deploy', 'stop']);
    expect((await replica.told('instance.drifted')).map(({ payload }) => payload.drift).sort()).toEqual([
      'running',
      'spec',
    ]);
  });

  it('finishes a deletion that was begun, and learns what runs without its row knowing', async () => {
    await start();
    const [leaving, running] = [await create(), await create()];
    await replica.dataSource.query(
      `UPDATE instances SET state = 'destroying', deletion_reason = 'scaled_down' WHERE id = $1`,
      [leaving.id],
    );
    await replica.dataSource.query(`UPDATE instances SET state = 'failed' WHERE id = $1`, [running.id]);
    await pass();
    expect([...provider.running.keys()]).toEqual([running.id]);
    expect(await get(running)).toMatchObject({ state: 'running' });
    expect((await replica.told('instance.deleted'))[0]?.payload).toMatchObject({ reason: 'scaled_down' });
  });

  it('writes nothing and asks the provider for one list, when all of 200 instances are as they should be', async () => {
    await start();
    await Promise.all(Array.from({ length: 200 }, () => create()));
    await pass();
    provider.done.length = 0;
    const asked: string[] = [];
    for (const call of ['list', 'status', 'notes'] as const) {
      const real = provider[call].bind(provider) as (...args: unknown[]) => Promise<never>;
      provider[call] = (...args: unknown[]) => {
        asked.push(call);
        return real(...args);
      };
    }
    const before = await rows();
    await pass();
    expect(before).toHaveLength(200);
    expect(asked).toEqual(['list']);
    expect(provider.done).toEqual([]);
    expect(await rows()).toEqual(before);
  });
  const rows = () => replica.dataSource.query(`SELECT xmin::text, i.* FROM instances i ORDER BY id`);

  it('calls what ends again and again crash-looping, once, waits longer each time, and says when it is over', async () => {
    await start({ backoff: { initial: '1h', max: '2h', stableAfter: 0 } });
    // Stable at once would forget the failures: only what is compared between two ends counts.
    const instance = await create();
    await replica.stop();
    await start({ backoff: { initial: '1h', max: '2h', stableAfter: '1h' } });
    provider.crash(instance.id);
    await eventually(
      async () => (await get(instance)).attempts === 1 && (await get(instance)).state === 'running',
    );
    provider.crash(instance.id);
    await eventually(async () => (await get(instance)).attempts === 2);
    const waiting = await get(instance);
    expect(waiting).toMatchObject({ state: 'failed', reason: 'exited' });
    const wait = Number(waiting.nextAttemptAt) - Date.now();
    expect(wait).toBeGreaterThan(50 * 60_000);
    await pass();
    expect(provider.running.get(instance.id)?.state).toBe('exited');
    await replica.dataSource.query('UPDATE instances SET next_attempt_at = now()');
    await pass();
    expect(await get(instance)).toMatchObject({ state: 'running', attempts: 2 });
    provider.crash(instance.id);
    await eventually(async () => (await get(instance)).reason === 'crash_looping');
    for (let n = 0; n < 2; n++) {
      await replica.dataSource.query('UPDATE instances SET next_attempt_at = now()');
      await pass();
      expect(await get(instance)).toMatchObject({ state: 'running', reason: 'crash_looping' });
      provider.crash(instance.id);
      await eventually(async () => (await get(instance)).attempts === 4 + n);
    }
    expect(await told('instance.crash_looping')).toHaveLength(1);
    await replica.dataSource.query('UPDATE instances SET next_attempt_at = now()');
    await pass();
    await replica.dataSource.query(`UPDATE instances SET state_since = now() - interval '2 h'`);
    const recoveredBefore = (await told('instance.recovered')).length;
    await pass();
    expect(await get(instance)).toMatchObject({ state: 'running', attempts: 0, reason: undefined });
    expect(await told('instance.recovered')).toHaveLength(recoveredBefore + 1);
  });

  it('starts what has ended before any of those that end again and again has had a second turn', async () => {
    await start({ backoff: { initial: 20, max: 100, stableAfter: '1h' } });
    const well = await create();
    const looping = new Set<string>();
    for (let n = 0; n < 20; n++) looping.add((await create({ name: `loop-${n}` })).id);
    const end = new AbortController();
    // Each ends as soon as it has been started.
    const crashing = (async () => {
      while (!end.signal.aborted) {
        for (const held of provider.running.values())
          if (looping.has(held.instanceId) && held.state === 'running') provider.crash(held.instanceId);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const startsOf = (id: string) => provider.running.get(id as Instance['id'])?.starts ?? 0;
    await eventually(() => [...looping].every((id) => startsOf(id) > 3));
    for (let n = 0; n < 5; n++) {
      const before = provider.done.length;
      const starts = startsOf(well.id);
      provider.crash(well.id);
      await eventually(() => startsOf(well.id) > starts);
      const since = provider.done.slice(before);
      const others = since.slice(
        0,
        since.findIndex((call) => call.endsWith(well.id)),
      );
      for (const id of looping)
        expect(others.filter((call) => call.endsWith(id)).length).toBeLessThanOrEqual(1);
      await replica.dataSource.query(
        'UPDATE instances SET attempts = 0, next_attempt_at = NULL WHERE id = $1',
        [well.id],
      );
    }
    end.abort();
    await crashing;
  });

  it('tries again for ever what has never run, and says init_failed meanwhile', async () => {
    await start(AT_ONCE);
    provider.beforeProvision = () => Promise.reject(new Error('no such program'));
    const instance = await create();
    expect(instance).toMatchObject({ state: 'failed', reason: 'init_failed', lastError: 'no such program' });
    await replica.dataSource.query('UPDATE instances SET next_attempt_at = now()');
    await pass();
    expect((await get(instance)).attempts).toBeGreaterThan(1);
    provider.beforeProvision = async () => undefined;
    await replica.dataSource.query('UPDATE instances SET next_attempt_at = now()');
    await pass();
    expect(await get(instance)).toMatchObject({ state: 'running', reason: undefined });
    expect(await told('instance.failed')).toHaveLength(1);
  });

  it('tries again soon what failed when it was requested, a removal too, without a pass over everything', async () => {
    await start();
    const isAway = () => Promise.reject(new Error('daemon is away'));
    provider.beforeProvision = isAway;
    const instance = await create();
    expect(instance).toMatchObject({ state: 'failed', attempts: 1 });
    provider.beforeProvision = async () => undefined;
    await eventually(async () => (await get(instance)).state === 'running');
    provider.beforeDeprovision = isAway;
    await expect(asSystem(() => replica.instances.delete(tenantId, instance.id))).rejects.toThrow('away');
    provider.beforeDeprovision = async () => undefined;
    await eventually(async () => (await told('instance.deleted')).length === 1);
    expect(provider.running.size).toBe(0);
  });

  it('concludes nothing from a provider that fails, hangs or cannot say, and compares the other stores', async () => {
    const other = new InMemoryProvider('other');
    await start({ storeTimeout: '2s' }, [provider, other]);
    const instance = await create();
    const theirs = await create({ provider: 'other' });
    provider.running.clear();
    provider.beforeList = () => Promise.reject(new Error('daemon is away'));
    other.crash(theirs.id);
    expect(await pass()).toMatchObject({ outcome: 'succeeded' });
    provider.beforeList = (signal) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      });
    expect(await pass()).toMatchObject({ outcome: 'succeeded' });
    expect(await get(instance)).toMatchObject({ state: 'running', attempts: 0 });
    expect(await get(theirs)).toMatchObject({ state: 'running' });
    expect(other.running.get(theirs.id)?.state).toBe('running');
    expect(replica.logs.join('\n')).toContain(
      'The store of provider "memory" was not compared: daemon is away',
    );
  });

  it('compares a store again as soon as its provider can be reached, and does not fail runs until then', async () => {
    await start();
    const instance = await create();
    let isAway = true;
    let asked = 0;
    provider.running.clear();
    provider.beforeList = provider.healthCheck = async () => {
      asked++;
      if (isAway) throw new Error('daemon is away');
    };
    expect(await pass()).toMatchObject({ outcome: 'failed' });
    expect(await pass()).toMatchObject({ outcome: 'failed' });
    await eventually(() => asked >= 4);
    isAway = false;
    await eventually(() => provider.running.get(instance.id)?.state === 'running');
    const failed = replica.logs.filter((line) => line.includes('was not compared: daemon is away'));
    expect(failed).toHaveLength(2);
  });

  it('leaves alone what is in a store that it does not reach', async () => {
    await start();
    const instance = await create();
    await replica.dataSource.query(`UPDATE instances SET provider_store = 'elsewhere'`);
    provider.running.clear();
    await pass();
    expect(await get(instance)).toMatchObject({ state: 'running', attempts: 0 });
    expect(calls()).toEqual(['provision']);
  });

  it('carries out what another replica was asked for, soon', async () => {
    const one = await start();
    const instance = await create();
    const other = new InMemoryProvider();
    const two = await start({}, [other]);
    await asSystem(() => two.instances.stop(tenantId, instance.id));
    await eventually(async () => provider.running.get(instance.id)?.state === 'stopped');
    expect(await asSystem(() => two.instances.delete(tenantId, instance.id))).toBe('requested');
    await eventually(async () => provider.running.size === 0);
    await eventually(async () => (await asSystem(() => one.instances.list(tenantId))).items.length === 0);
    expect(other.done).toEqual([]);
    expect(await told('instance.deleted')).toHaveLength(1);
  });

  it('gives rows from before stores had identities to the store that lists them', async () => {
    await start();
    const instance = await create();
    await replica.dataSource.query(`UPDATE instances SET provider_store = NULL, spec_hash = NULL`);
    await replica.dataSource.query(
      `INSERT INTO provider_stores VALUES ('elsewhere', 'memory', 'x', now(), now())`,
    );
    const lost = await create();
    await replica.dataSource.query(`UPDATE instances SET provider_store = NULL WHERE id = $1`, [lost.id]);
    provider.running.delete(lost.id);
    await pass();
    expect(await get(instance)).toMatchObject({ providerStore: await provider.storeId() });
    expect(await get(lost)).toMatchObject({ providerStore: undefined });
  });

  it('says what it would do, and does nothing, when it is to run dry', async () => {
    await start();
    const instance = await create();
    await replica.stop();
    await start({ dryRun: true });
    provider.running.delete(instance.id);
    provider.done.length = 0;
    await pass();
    expect(provider.done).toEqual([]);
    expect(await get(instance)).toMatchObject({ state: 'running' });
    expect(replica.logs.join('\n')).toContain(`Dry run: would provision ${instance.id}`);
  });

  it.each([
    ['mark', { state: 'failed', reason: 'exited' }, ['instance.drifted']],
    ['ignore', { state: 'running', reason: undefined }, []],
  ])('under the policy %s it starts nothing again', async (policy, expected, events) => {
    await start();
    const { id } = await asSystem(() => replica.tenants.create({ name: 'acme' }));
    tenantId = id;
    const workload = await asSystem(() =>
      replica.workloads.create(tenantId, {
        name: 'web',
        provider: 'memory',
        spec: { command: ['true'] },
        replicas: 1,
      }),
    );
    await replica.dataSource.query('UPDATE workloads SET drift_policy = $1', [policy]);
    const [instance] = (await asSystem(() => replica.instances.list(tenantId, { workloadId: workload.id })))
      .items;
    provider.crash(instance!.id);
    await pass();
    await pass();
    expect(await get(instance!)).toMatchObject(expected);
    expect(provider.running.get(instance!.id)?.state).toBe('exited');
    expect(await told(...DRIFT)).toEqual(events);
    await asSystem(() => replica.instances.start(tenantId, instance!.id));
    expect(provider.running.get(instance!.id)?.state).toBe('running');
  });
});
