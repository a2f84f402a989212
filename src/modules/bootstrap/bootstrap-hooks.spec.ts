import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { asSystem } from '../../../test/support/control-plane.js';
import { eventually } from '../../../test/support/eventually.js';
import { InMemoryProvider } from '../../../test/support/in-memory-provider.js';
import { type Replica, startReplica } from '../../../test/support/reconciler.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { type TenantId } from '../ids/typed-id.js';
import { BootstrapHook } from './bootstrap-hook.decorator.js';
import { BootstrapServices } from './bootstrap.service.js';
import { type BootstrapServiceSpec } from './bootstrap-spec.js';

const service = (name: string, more: Partial<BootstrapServiceSpec> = {}): BootstrapServiceSpec => ({
  name,
  services: [{ name: 'proxy', spec: { command: ['true'] } }],
  ...more,
});

@Injectable()
class Hooks {
  first: () => unknown = () => [];
  second: () => unknown = () => [];

  @BootstrapHook('first')
  contributeFirst() {
    return this.first() as BootstrapServiceSpec[];
  }
  @BootstrapHook('second')
  contributeSecond() {
    return this.second() as BootstrapServiceSpec[];
  }
}

/** What no hook should give. */
const GARBAGE: [string, () => unknown][] = [
  ['null', () => null],
  ['a text', () => 'ingress'],
  ['a service alone', () => service('ingress')],
  ['a list of nothing', () => [null, undefined]],
  ['a number of replicas that is none', () => [service('ingress', { replicas: NaN })]],
  ['more replicas than there may be', () => [service('ingress', { replicas: 1e9 })]],
  ['more services than there may be', () => Array.from({ length: 5_000 }, (_, n) => service(`s-${n}`))],
  ['a name of a megabyte', () => [service('x'.repeat(1_000_000))]],
  ['a name that is a path', () => [service('../../etc/passwd')]],
  ['a name with a NUL', () => [service('in\0gress')]],
  ['half a character', () => [service('ingress', { labels: { a: '\ud800' }, kind: '\ud800' })]],
  ['labels of the control plane', () => [service('ingress', { labels: { 'ctrlplane.tenant': 'x' } })]],
  ['keys that nobody knows', () => [{ ...service('ingress'), image: 'x' }]],
  [
    'a program without a command',
    () => [service('ingress', { services: [{ name: 'a', spec: { command: [] } }] })],
  ],
  [
    'two programs of one name',
    () => [service('ingress', { services: [...service('a').services, ...service('a').services] })],
  ],
  [
    'a list that cannot be read',
    () => [
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    ],
  ],
  [
    'a circle',
    () => {
      const circle: unknown[] = [];
      circle.push(circle);
      return circle;
    },
  ],
  ['no error but a text', () => Promise.reject('away' as unknown as Error)],
];

describe('bootstrap hooks', () => {
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  let replica: Replica;
  let hooks: Hooks;
  let tenantId: TenantId;
  let datacenter: Datacenter;

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    provider = new InMemoryProvider();
    replica = await startReplica(database.url, [provider], { hookTimeout: '2s' }, { providers: [Hooks] });
    hooks = replica.find(Hooks);
    ({ id: tenantId } = await asSystem(() => replica.tenants.create({ name: 'acme' })));
    datacenter = await asSystem(() => replica.datacenters.create(tenantId, { name: 'fra1' }));
  });
  afterEach(async () => {
    await replica.stop();
    await database.drop();
  });

  const pass = () => replica.run('reconciler');
  const list = () => asSystem(() => replica.find(BootstrapServices).list(datacenter));
  const states = async () => Object.fromEntries((await list()).map(({ name, state }) => [name, state]));
  const settled = (expected: Record<string, string>) =>
    eventually(async () => {
      await pass();
      return JSON.stringify(await states()) === JSON.stringify(expected);
    }, 20_000);
  const TYPES = ['installed', 'updated', 'failed', 'retiring', 'retired', 'hook_failed'];
  const told = async () =>
    (await replica.told(...TYPES.map((what) => `bootstrap.${what}`))).map(
      ({ type, payload }) => `${type.slice('bootstrap.'.length)} ${String(payload.name ?? payload.hook)}`,
    );
  const held = () => [...provider.running.values()];

  it('may give any garbage: nothing is retired or changed, the other hooks go on, and each trouble is told once', async () => {
    hooks.first = () => [service('ingress')];
    await settled({ ingress: 'running' });
    const before = held();
    for (const [what, trouble] of GARBAGE) {
      hooks.first = trouble;
      await pass();
      await pass();
      expect([what, await states(), held()]).toEqual([what, { ingress: 'running' }, before]);
      hooks.first = () => [service('ingress')];
      await pass();
    }
    const failures = (await told()).filter((event) => event.startsWith('hook_failed'));
    expect(failures).toEqual(GARBAGE.map(() => 'hook_failed first'));
    hooks.first = GARBAGE[0]![1];
    hooks.second = () => [service('dns')];
    await settled({ dns: 'running', ingress: 'running' });
  });

  it('may both contribute one service: it is installed once, and moves to the other when the first gives it up', async () => {
    hooks.first = () => [service('ingress')];
    hooks.second = () => [service('ingress')];
    await settled({ ingress: 'running' });
    const [instance] = held();
    hooks.first = () => [];
    await settled({ ingress: 'running' });
    await pass();
    expect(held()).toEqual([instance]);
    expect((await list()).map(({ origin }) => origin)).toEqual(['hook:second']);
    expect(await told()).toEqual(['installed ingress']);
  });

  it('may rename a service: the new one is installed and the old one retired, each told once', async () => {
    hooks.first = () => [service('ingress')];
    await settled({ ingress: 'running' });
    hooks.first = () => [service('gateway')];
    await settled({ gateway: 'running', ingress: 'retired' });
    await pass();
    expect(held()).toHaveLength(1);
    expect((await told()).toSorted()).toEqual([
      'installed gateway',
      'installed ingress',
      'retired ingress',
      'retiring ingress',
    ]);
  });

  it('may change a service that has failed: the new spec is tried at once, and what failed goes', async () => {
    provider.beforeProvision = async (id) => {
      const [row] = await replica.dataSource.query<{ spec: { command: string[] } }[]>(
        'SELECT spec FROM instances WHERE id = $1',
        [id],
      );
      if (row?.spec.command[0] === 'broken') throw new Error('no such program');
    };
    const broken = { services: [{ name: 'proxy', spec: { command: ['broken'] } }] };
    hooks.first = () => [service('ingress', broken)];
    await settled({ ingress: 'failed' });
    await pass();
    hooks.first = () => [service('ingress')];
    await settled({ ingress: 'running' });
    expect(held().map(({ spec }) => spec.command[0])).toEqual(['true']);
    const { items } = await asSystem(() => replica.instances.list(tenantId));
    expect(items.map(({ state }) => state)).toEqual(['running']);
    expect(await told()).toEqual(['failed ingress', 'installed ingress']);
  });

  it('may hang in one datacenter without holding up another', async () => {
    const theirs = await asSystem(() => replica.datacenters.create(tenantId, { name: 'ams1' }));
    let calls = 0;
    hooks.first = () => (calls++ === 0 ? new Promise(() => undefined) : [service('ingress')]);
    await eventually(async () => {
      await pass();
      const all = await Promise.all(
        [datacenter, theirs].map((each) => asSystem(() => replica.find(BootstrapServices).list(each))),
      );
      return all.every(([found]) => found?.state === 'running');
    }, 20_000);
    expect(held()).toHaveLength(2);
  });
});
