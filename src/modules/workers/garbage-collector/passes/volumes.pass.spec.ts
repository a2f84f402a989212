import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { asSystem, type ControlPlane, startControlPlane } from '../../../../../test/support/control-plane.js';
import { GarbageRows } from '../../../../../test/support/garbage-rows.js';
import { InMemoryProvider } from '../../../../../test/support/in-memory-provider.js';
import { Transactions } from '../../../database/transaction.js';
import { type InstanceId, newId, type TenantId } from '../../../ids/typed-id.js';
import { type ProviderVolume, type PrunedImages } from '../../../providers/provider.js';
import { ProviderRegistry } from '../../../providers/provider.registry.js';
import { type GarbageCollectorOptions, garbageCollectorSettings } from '../garbage-collector.options.js';
import { garbagePassContract, passContext } from './garbage-pass.contract.js';
import { ImagesPass } from './images.pass.js';
import { VolumesPass } from './volumes.pass.js';

/** A store with volumes and images, in memory. */
class Rooms extends InMemoryProvider {
  readonly rooms = new Map<string, ProviderVolume>();
  images = ['web:3', 'web:2', 'web:1'];
  listing: () => Promise<void> = async () => {};

  async volumes(): Promise<ProviderVolume[]> {
    await this.listing();
    return [...this.rooms.values()];
  }
  async removeVolume(name: string): Promise<boolean> {
    return this.rooms.delete(name);
  }
  async pruneImages({ keep }: { keep: number }): Promise<PrunedImages> {
    await this.listing();
    return { removed: this.images.splice(keep), bytes: 1 };
  }
  addRoom(instanceId: InstanceId, tenantId: TenantId): string {
    const name = `${instanceId}-data-${this.rooms.size}`;
    this.rooms.set(name, { name, instanceId, tenantId });
    return name;
  }
}

let plane: ControlPlane;
let rows: GarbageRows;

beforeAll(async () => {
  plane = await startControlPlane();
  rows = new GarbageRows(plane.dataSource);
});
afterAll(() => plane.stop());

function passesOver(providers: Rooms[], options: GarbageCollectorOptions = {}) {
  const registry = new ProviderRegistry();
  providers.forEach((provider, n) => registry.register(`rooms-${n}`, provider));
  const settings = garbageCollectorSettings(options);
  return {
    volumes: new VolumesPass(registry, plane.repository(Transactions), settings),
    images: new ImagesPass(registry, settings),
  };
}

describe('the pass over volumes', () => {
  for (const { name, run } of garbagePassContract(async () => {
    const tenantId = newId('tenant');
    const rooms = new Rooms();
    return {
      pass: passesOver([rooms], { volumes: true }).volumes,
      tenantId,
      hasGracePeriod: true,
      addGarbage: async (count) => {
        const gone = newId('instance');
        await rows.recordDeletion(gone, tenantId, 2 * 3_600_000);
        return Array.from({ length: count }, () => rooms.addRoom(gone, tenantId));
      },
      addKept: async () => {
        const [lost, justNow, elsewhere] = [newId('instance'), newId('instance'), newId('instance')];
        await rows.recordDeletion(justNow, tenantId, 3_500_000);
        await rows.recordDeletion(elsewhere, tenantId);
        await plane.dataSource.query(
          `INSERT INTO rowless_instances (store, tenant_id, instance_id, workload_id) VALUES ('s', $1, $2, '')`,
          [tenantId, elsewhere],
        );
        return [
          rooms.addRoom(await rows.addInstance({ tenantId, age: 7_200_000 }), tenantId),
          // Lost, or of another control plane: nothing here says that it was deleted.
          rooms.addRoom(lost, tenantId),
          rooms.addRoom(justNow, tenantId),
          rooms.addRoom(elsewhere, tenantId),
        ];
      },
      present: async (names) => names.filter((name) => rooms.rooms.has(name)),
    };
  }))
    it(name, () => asSystem(run));

  it('removes none without the option', async () => {
    const rooms = new Rooms();
    const gone = newId('instance');
    await rows.recordDeletion(gone, newId('tenant'));
    rooms.addRoom(gone, newId('tenant'));
    for (const options of [{}, { volumes: false }, { volumes: undefined }])
      await passesOver([rooms], options).volumes.run(passContext());
    expect(rooms.rooms.size).toBe(1);
  });

  it('leaves one whose row comes back between the list and its turn', async () => {
    const rooms = new Rooms();
    const tenantId = newId('tenant');
    const gone = newId('instance');
    await rows.recordDeletion(gone, tenantId);
    rooms.addRoom(gone, tenantId);
    const context = passContext({
      heldTenants: async () => {
        await plane.dataSource.query(
          `INSERT INTO instances (id, tenant_id, name, provider, spec) VALUES ($1, $2, 'web', 'memory', '{}')`,
          [gone, tenantId],
        );
        return new Set();
      },
    });
    await passesOver([rooms], { volumes: true }).volumes.run(context);
    expect(rooms.rooms.size).toBe(1);
    expect(context.report).toMatchObject({ found: 1, removed: 0 });
  });

  it('does what can be done when one of the stores gives no list, and fails with its name', async () => {
    const [broken, well] = [new Rooms(), new Rooms()];
    const gone = newId('instance');
    await rows.recordDeletion(gone, newId('tenant'));
    for (const rooms of [broken, well]) rooms.addRoom(gone, newId('tenant'));
    broken.listing = () => Promise.reject(new Error('half of it'));
    const { volumes, images } = passesOver([broken, well], { volumes: true, keepImages: 2 });
    await expect(volumes.run(passContext())).rejects.toThrow('rooms-0: half of it');
    await expect(images.run(passContext())).rejects.toThrow('rooms-0: half of it');
    expect([broken, well].map(({ rooms, images }) => [rooms.size, images.length])).toEqual([
      [1, 3],
      [0, 2],
    ]);
  });
});

describe('the pass over images', () => {
  for (const { name, run } of garbagePassContract(() => {
    const rooms = new Rooms();
    rooms.images = [];
    return {
      pass: passesOver([rooms], { keepImages: 2 }).images,
      decides: false,
      addGarbage: async (count) => {
        const old = Array.from({ length: count }, (_, n) => `web:old-${n}`);
        rooms.images = ['web:3', 'web:2', ...old];
        return old;
      },
      addKept: async () => ['web:3', 'web:2'],
      present: async (images) => images.filter((image) => rooms.images.includes(image)),
    };
  }))
    it(name, () => asSystem(run));

  it('keeps the newest of each repository, and all in a dry run or with `keepImages: false`', async () => {
    const rooms = new Rooms();
    await passesOver([rooms], { keepImages: false }).images.run(passContext());
    await passesOver([rooms]).images.run(passContext({ dryRun: true }));
    expect(rooms.images).toHaveLength(3);
    const context = passContext();
    await passesOver([rooms], { keepImages: 1 }).images.run(context);
    expect(rooms.images).toEqual(['web:3']);
    expect(context.report).toMatchObject({ found: 2, removed: 2 });
  });

  it('asks nothing of providers that have none', async () => {
    const registry = new ProviderRegistry();
    registry.register('memory', new InMemoryProvider());
    await new ImagesPass(registry, garbageCollectorSettings({})).run(passContext());
  });
});
