import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certWorld, SetClock } from '../../../../test/support/cert-world.js';
import { eventually } from '../../../../test/support/eventually.js';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { SimulatedCa } from '../../certificates/issuers/simulated-ca/simulated-ca.js';
import { type StoredEvent } from '../../events/event.js';
import { EventBus } from '../../events/event-bus.js';
import { newId, type TenantId } from '../../ids/typed-id.js';
import { CertFiles } from './cert-files.js';
import { certRenewerSettings } from './cert-renewer.options.js';

/** Hands on what it is told to. */
class ToldBus extends EventBus {
  private readonly handlers: [readonly string[], (event: StoredEvent) => unknown][] = [];

  constructor(private readonly tenantId: TenantId) {
    super();
  }

  override publish(): never {
    throw new Error('nobody publishes here');
  }
  override recent(): never {
    throw new Error('nothing is kept');
  }
  override subscribe(types: readonly string[], handler: (event: StoredEvent) => unknown): () => void {
    this.handlers.push([types, handler]);
    return () => undefined;
  }
  async tell(type: string, payload: object): Promise<void> {
    for (const [types, handler] of this.handlers)
      if (types.includes(type))
        await handler({ type, tenantId: this.tenantId, payload } as unknown as StoredEvent);
  }
}

describe('files of certificates', () => {
  const directory = temporaryDirectories();

  async function start() {
    const clock = new SetClock();
    const world = certWorld([new SimulatedCa({ clock, lifetime: '6d' })], clock);
    const id = await world.add('shop.test');
    await world.tick();
    const fileSink = join(await directory(), 'files');
    const bus = new ToldBus(world.tenantId);
    const settings = certRenewerSettings({ encryptionKeys: '', fileSink });
    const files = new CertFiles(settings, world.store, bus, world.keyRing, clock);
    const chain = (of = id) => readFile(join(fileSink, of, 'fullchain.pem'), 'utf8');
    return { clock, world, id, fileSink, bus, files, chain };
  }

  it('are there at start, and follow what is renewed and removed', async () => {
    const { clock, world, id, fileSink, bus, files, chain } = await start();
    await files.onApplicationBootstrap();
    expect(await chain()).toBe((await world.store.active('shop.test'))!.chain);
    await world.runUntil(clock.now() + 4 * 86_400_000);
    await bus.tell('cert.renewed', { certificateId: id, names: ['shop.test'] });
    expect(await chain()).toBe((await world.store.active('shop.test'))!.chain);
    await world.store.delete(world.tenantId, id);
    await bus.tell('cert.removed', { certificateId: id, names: ['shop.test'] });
    expect(await readdir(fileSink)).toEqual([]);
  });

  it('of what was removed while nobody looked go at start, and nothing else that is there', async () => {
    const { clock, world, id, fileSink, files, bus } = await start();
    await files.onApplicationBootstrap();
    const kept = await world.add('kept.test');
    await world.tick();
    await world.store.delete(world.tenantId, id);
    await mkdir(join(fileSink, '.cert_cut-off'));
    await writeFile(join(fileSink, 'README'), 'of the operator');
    const settings = certRenewerSettings({ encryptionKeys: '', fileSink });
    await new CertFiles(settings, world.store, bus, world.keyRing, clock).onApplicationBootstrap();
    expect((await readdir(fileSink)).sort()).toEqual([`.${kept}-1`, '.cert_cut-off', 'README', kept].sort());
  });

  it('are written once they can be, as after a full disk', async () => {
    const { clock, world, id, fileSink, bus, files, chain } = await start();
    await writeFile(fileSink, 'in the way');
    await files.onApplicationBootstrap();
    await bus.tell('cert.renewed', { certificateId: id });
    await rm(fileSink);
    expect(existsSync(fileSink)).toBe(false);
    clock.set(clock.now() + 60_000);
    await eventually(() => existsSync(join(fileSink, id)));
    expect(await chain()).toBe((await world.store.active('shop.test'))!.chain);
    files.onModuleDestroy();
  });

  it('are those of each certificate, also where another one is served for its first name', async () => {
    const { world, id, bus, files, chain } = await start();
    const domainId = newId('domain');
    const both = newId('certificate');
    const names = ['shop.test', 'www.shop.test'];
    await world.store.insert(world.tenantId, { id: both, domainId, names, keyType: 'ec-p256' });
    await world.tick();
    await files.onApplicationBootstrap();
    for (const one of [id, both]) {
      await bus.tell('cert.renewed', { certificateId: one, names });
      expect(await chain(one)).toBe((await world.store.newest(world.tenantId, one))!.chain);
    }
    expect(await chain(id)).not.toBe(await chain(both));
  });

  it('are not made where nobody asks for them', async () => {
    const { clock, world, bus } = await start();
    const settings = certRenewerSettings({ encryptionKeys: '' });
    const files = new CertFiles(settings, world.store, bus, world.keyRing, clock);
    await files.onApplicationBootstrap();
    await bus.tell('cert.removed', { certificateId: newId('certificate') });
    files.onModuleDestroy();
  });
});
