import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { eventually } from '../../../test/support/eventually.js';
import { InMemoryProvider } from '../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../test/support/reconciler.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { type TenantId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { BootstrapHook } from './bootstrap-hook.decorator.js';
import { DuplicateBootstrapHookError } from './bootstrap-hooks.js';
import { type BootstrapService } from './bootstrap-service.js';
import { BootstrapServices } from './bootstrap.service.js';
import { type BootstrapServiceSpec } from './bootstrap-spec.js';

const service = (name: string, more: Partial<BootstrapServiceSpec> = {}): BootstrapServiceSpec => ({
  name,
  services: [{ name: 'proxy', spec: { command: ['true'] } }],
  ...more,
});

@Injectable()
class Hooks {
  first: (datacenter: Datacenter, signal: AbortSignal) => unknown = () => [];
  second: () => unknown = () => [];

  @BootstrapHook('first')
  contributeFirst(datacenter: Datacenter, signal: AbortSignal) {
    return this.first(datacenter, signal) as BootstrapServiceSpec[];
  }
  @BootstrapHook()
  contributeSecond() {
    return this.second() as BootstrapServiceSpec[];
  }
}

@Injectable()
class Twin {
  @BootstrapHook('first')
  contribute() {
    return [];
  }
}

describe('bootstrap services', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let hooks: Hooks;
  let tenantId: TenantId;
  let datacenter: Datacenter;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    await start();
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
    datacenter = await asSystem(() => replica.datacenters.create(tenantId, { name: 'fra1' }));
  });
  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  async function start(): Promise<void> {
    replica = await startReplica(database.url, [provider], { hookTimeout: '200ms' }, { providers: [Hooks] });
    hooks = replica.find(Hooks);
  }
  const declare = (...specs: BootstrapServiceSpec[]) =>
    asSystem(() => replica.datacenters.setBootstrap(tenantId, datacenter.id, specs));
  const pass = () => replica.run('reconciler');
  const list = (): Promise<BootstrapService[]> =>
    asSystem(() => replica.find(BootstrapServices).list(datacenter));
  const states = async () => Object.fromEntries((await list()).map(({ name, state }) => [name, state]));
  const settled = (expected: Record<string, string>) =>
    eventually(async () => {
      await pass();
      return JSON.stringify(await states()) === JSON.stringify(expected);
    });
  const told = async () =>
    (
      await replica.told(
        ...['installed', 'updated', 'failed', 'retiring', 'retired', 'hook_failed'].map(
          (what) => `bootstrap.${what}`,
        ),
      )
    ).map(
      ({ type, payload }) => `${type.slice('bootstrap.'.length)} ${String(payload.name ?? payload.hook)}`,
    );
  const held = () => [...provider.running.values()];

  it('installs what a datacenter declares, with as many instances as it says, under its labels', async () => {
    await declare(service('ingress', { kind: 'ingress', replicas: 2, labels: { team: 'platform' } }));
    await settled({ ingress: 'running' });
    expect(held()).toHaveLength(2);
    const [{ id }] = (await list()) as [BootstrapService];
    expect(id).toMatch(/^bws_/);
    for (const { labels } of held())
      expect(labels).toMatchObject({
        team: 'platform',
        'ctrlplane.system': 'true',
        'ctrlplane.datacenter': datacenter.id,
        'ctrlplane.bootstrap': id,
      });
    expect((await asSystem(() => replica.workloads.list(tenantId))).items).toEqual([]);
    expect(await told()).toEqual(['installed ingress']);
  });

  it('updates it one by one, scales it, and retires it when it is no longer declared', async () => {
    await declare(service('ingress', { replicas: 2 }));
    await settled({ ingress: 'running' });
    await declare(
      service('ingress', { replicas: 2, services: [{ name: 'proxy', spec: { command: ['false'] } }] }),
    );
    await settled({ ingress: 'running' });
    expect(held().map(({ spec }) => spec.command[0])).toEqual(['false', 'false']);
    const before = held().map(({ instanceId }) => instanceId);
    await declare(
      service('ingress', { replicas: 3, services: [{ name: 'proxy', spec: { command: ['false'] } }] }),
    );
    await settled({ ingress: 'running' });
    expect(held().map(({ instanceId }) => instanceId)).toEqual(expect.arrayContaining(before));
    expect(held()).toHaveLength(3);
    await declare();
    await settled({ ingress: 'retired' });
    expect(held()).toEqual([]);
    expect(await told()).toEqual([
      'installed ingress',
      'updated ingress',
      'updated ingress',
      'retiring ingress',
      'retired ingress',
    ]);
  });

  it('brings back what is wanted again while it is being retired, and after', async () => {
    await declare(service('ingress'));
    await settled({ ingress: 'running' });
    provider.beforeDeprovision = () => Promise.reject(new Error('busy'));
    await declare();
    await pass();
    provider.beforeDeprovision = async () => undefined;
    await declare(service('ingress'));
    await replica.dataSource.query('UPDATE bootstrap_services SET next_attempt_at = NULL');
    await eventually(async () => {
      await pass();
      await replica.run('instance_drift');
      await replica.dataSource.query('UPDATE instances SET next_attempt_at = NULL');
      return (await states()).ingress === 'running' && held().length === 1;
    });
    await declare();
    await settled({ ingress: 'retired' });
    await declare(service('ingress'));
    await settled({ ingress: 'running' });
    expect(held()).toHaveLength(1);
  });

  it('lets the declaration win over hooks, and the first hook over the second', async () => {
    hooks.first = () => [service('both', { kind: 'first' }), service('ingress', { kind: 'first' })];
    hooks.second = () => [service('both', { kind: 'second' })];
    await declare(service('ingress', { kind: 'declared' }));
    await settled({ both: 'running', ingress: 'running' });
    expect((await list()).map(({ spec, origin }) => [spec.kind, origin])).toEqual([
      ['first', 'hook:first'],
      ['declared', 'declared'],
    ]);
    await declare();
    await settled({ both: 'running', ingress: 'running' });
    expect((await list()).map(({ spec }) => spec.kind)).toEqual(['first', 'first']);
  });

  it.each<[string, () => unknown]>([
    ['throws', () => Promise.reject(new Error('no connection'))],
    ['hangs', () => new Promise(() => undefined)],
    ['gives garbage', () => [{ name: 'ingress', services: 'many' }]],
    ['gives one name twice', () => [service('ingress'), service('ingress')]],
    ['gives nothing at all', () => undefined],
  ])('retires nothing of a hook that %s, also after a restart, and says so once', async (_what, trouble) => {
    hooks.first = () => [service('ingress')];
    await settled({ ingress: 'running' });
    hooks.first = trouble;
    await pass();
    await pass();
    await replica.stop();
    await start();
    hooks.first = trouble;
    await pass();
    expect(await states()).toEqual({ ingress: 'running' });
    expect(held()).toHaveLength(1);
    expect((await told()).filter((event) => event.startsWith('hook_failed'))).toEqual(['hook_failed first']);
    hooks.first = () => [];
    await settled({ ingress: 'retired' });
  });

  it('keeps what a failing hook contributed under a declaration that is taken back', async () => {
    hooks.first = () => [service('ingress', { kind: 'hooked' })];
    await declare(service('ingress', { kind: 'declared' }));
    await settled({ ingress: 'running' });
    hooks.first = () => Promise.reject(new Error('away'));
    await declare();
    await settled({ ingress: 'running' });
    expect((await list())[0]).toMatchObject({ spec: { kind: 'hooked' } });
  });

  it('leaves an offline datacenter alone, and gives one under maintenance nothing new', async () => {
    await declare(service('ingress'));
    await settled({ ingress: 'running' });
    const set = (status: Datacenter['status']) =>
      asSystem(() => replica.datacenters.setStatus(tenantId, datacenter.id, status));
    await set('maintenance');
    await declare(service('ingress'), service('dns'));
    await pass();
    expect(await states()).toEqual({ ingress: 'running' });
    await set('offline');
    await declare();
    await pass();
    expect(await states()).toEqual({ ingress: 'running' });
    await set('active');
    await settled({ ingress: 'retired' });
  });

  it('covers the datacenters of all tenants, and one in trouble holds up no other', async () => {
    const other = await asSystem(() => replica.tenants.create({ name: 'globex' }));
    const theirs = await asSystem(() => replica.datacenters.create(other.id, { name: 'ams1' }));
    hooks.first = (asked) => {
      if (asked.id === datacenter.id) throw new Error('not this one');
      return [service('ingress')];
    };
    await eventually(async () => {
      await pass();
      const [found] = await asSystem(() => replica.find(BootstrapServices).list(theirs));
      return found?.state === 'running';
    });
    expect(await list()).toEqual([]);
  });

  it('says that something of it does not run, once, tries on, and says when it is installed', async () => {
    provider.beforeProvision = () => Promise.reject(new Error('no such program'));
    await declare(service('ingress'));
    await settled({ ingress: 'failed' });
    await pass();
    expect((await list())[0]?.lastError).toMatch(/no such program/);
    provider.beforeProvision = async () => undefined;
    await replica.dataSource.query('UPDATE instances SET next_attempt_at = NULL');
    await replica.run('instance_drift');
    await settled({ ingress: 'running' });
    expect(await told()).toEqual(['failed ingress', 'installed ingress']);
  });

  it('writes nothing and asks no provider for anything when all is installed', async () => {
    hooks.first = () => [service('ingress', { replicas: 2 })];
    await settled({ ingress: 'running' });
    await pass();
    const rows = () =>
      Promise.all(
        ['instances', 'bootstrap_services', 'bootstrap_contributions'].map((table) =>
          replica.dataSource.query(`SELECT xmin::text, t.* FROM ${table} t ORDER BY 1, 2`),
        ),
      );
    const before = await rows();
    provider.done.length = 0;
    await pass();
    expect(await rows()).toEqual(before);
    expect(provider.done).toEqual([]);
  });

  it('says what a pass would change, and changes nothing', async () => {
    await declare(service('ingress', { replicas: 2 }));
    await settled({ ingress: 'running' });
    const preview = () => asSystem(() => replica.find(BootstrapServices).preview(datacenter, 200));
    datacenter = await asSystem(() => replica.datacenters.get(tenantId, datacenter.id));
    expect(await preview()).toEqual([]);
    datacenter = { ...datacenter, bootstrap: [service('dns'), service('ingress', { replicas: 3 })] };
    expect(await preview()).toEqual([
      { name: 'ingress', action: 'update', create: 1, remove: 0 },
      { name: 'dns', action: 'install', create: 1, remove: 0 },
    ]);
    datacenter = { ...datacenter, bootstrap: [] };
    expect(await preview()).toEqual([{ name: 'ingress', action: 'retire', create: 0, remove: 2 }]);
    expect(await states()).toEqual({ ingress: 'running' });
  });

  it('goes with its datacenter when the tenant is removed', async () => {
    await declare(service('ingress'));
    await settled({ ingress: 'running' });
    await asSystem(() => replica.tenants.delete(tenantId));
    expect(held()).toEqual([]);
    expect(await replica.dataSource.query('SELECT id FROM bootstrap_services')).toEqual([]);
  });

  it('refuses declarations that cannot be, and two hooks of one name', async () => {
    for (const wrong of [
      [service('Not A Name')],
      [service('ingress'), service('ingress')],
      [service('ingress', { services: [] })],
      [service('ingress', { replicas: -1 })],
      [service('ingress', { labels: { 'ctrlplane.system': 'x' } })],
    ])
      await expect(declare(...wrong)).rejects.toThrow(InvalidInputError);
    await replica.stop();
    replica = await startReplica(database.url, [provider], {}, { providers: [Hooks, Twin] });
    expect((await pass()).outcome).toBe('failed');
    expect(replica.logs.join('\n')).toContain(new DuplicateBootstrapHookError('first').message);
  });
});
