import { describe, expect, it } from '@jest/globals';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectories } from '../../../../test/support/temporary-directory.js';
import { certWorld, SetClock } from '../../../../test/support/cert-world.js';
import { SimulatedCa } from '../issuers/simulated-ca/simulated-ca.js';
import { InMemoryIssuerStateStore } from '../issuers/in-memory-issuer-state.store.js';
import { KeyRing } from '../keys/key-ring.js';
import { MissingEncryptionKeyError } from '../keys/key-ring.errors.js';
import { requireKeys, rotateKeys } from '../keys/rotate-keys.js';
import { certificatePurpose } from '../certificate.js';
import { CertificateServer } from './certificate-server.js';
import { FileSink } from './file-sink.js';

const DAY = 86_400_000;

async function issuedWorld() {
  const clock = new SetClock();
  const world = certWorld([new SimulatedCa({ clock, lifetime: '6d' })], clock);
  const id = await world.add('shop.example.test');
  await world.tick();
  return { clock, world, id };
}

describe('CertificateServer', () => {
  it('serves a renewed certificate without a restart, after its refresh', async () => {
    const { clock, world } = await issuedWorld();
    const server = new CertificateServer(world.store, world.keyRing, clock);
    const first = await server.context('SHOP.example.test.');
    expect(first).toBeDefined();
    expect(await server.context('shop.example.test')).toBe(first);
    await world.runUntil(clock.now() + 4 * DAY);
    const second = await server.context('shop.example.test');
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
  });

  it('has nothing for a name without a certificate, or for what is no name', async () => {
    const { clock, world } = await issuedWorld();
    const server = new CertificateServer(world.store, world.keyRing, clock);
    for (const name of ['other.example.test', '', 'nul\0.test', '..']) {
      expect(await server.context(name)).toBeUndefined();
    }
  });

  it('serves on what it has while the store is away, and asks again', async () => {
    const { clock, world } = await issuedWorld();
    const server = new CertificateServer(world.store, world.keyRing, clock);
    const first = await server.context('shop.example.test');
    const active = world.store.active.bind(world.store);
    world.store.active = () => Promise.reject(new Error('the database is away'));
    clock.set(clock.now() + 60_000);
    expect(await server.context('shop.example.test')).toBe(first);
    await expect(server.context('new.example.test')).rejects.toThrow('away');
    world.store.active = active;
    clock.set(clock.now() + 60_000);
    expect(await server.context('new.example.test')).toBeUndefined();
  });

  it('answers a handshake with its fallback where there is nothing for the name', async () => {
    const { clock, world } = await issuedWorld();
    const server = new CertificateServer(world.store, world.keyRing, clock);
    const sni = server.sniCallback({ fallback: 'shop.example.test' });
    const context = await new Promise((resolve, reject) =>
      sni('unknown.test', (error, found) => (error ? reject(error) : resolve(found))),
    );
    expect(context).toBe(await server.context('shop.example.test'));
  });
});

describe('FileSink', () => {
  const directory = temporaryDirectories();

  it('puts each version in the place of the last at once, for this user alone', async () => {
    const { clock, world, id } = await issuedWorld();
    const files = await directory();
    const sink = new FileSink(files, world.keyRing);
    const read = (name: string) => readFile(join(files, id, name), 'utf8');
    const first = (await world.store.active('shop.example.test'))!;
    expect([await sink.write(first), await sink.write(first)]).toEqual([true, false]);
    expect(await read('fullchain.pem')).toBe(first.chain);
    const key = await read('privkey.pem');
    expect(key).toBe(world.keyRing.open(first.sealedKey, certificatePurpose(id)));
    expect(await read('combined.pem')).toBe(`${key.trim()}\n${first.chain}`);
    for (const name of ['fullchain.pem', 'privkey.pem', 'combined.pem'])
      expect((await stat(join(files, id, name))).mode & 0o777).toBe(0o600);
    await world.runUntil(clock.now() + 4 * DAY);
    const second = (await world.store.active('shop.example.test'))!;
    expect(await sink.write(second)).toBe(true);
    expect(await read('fullchain.pem')).toBe(second.chain);
    await sink.remove(id);
    await expect(read('privkey.pem')).rejects.toThrow('ENOENT');
  });
});

describe('rotating the encryption keys', () => {
  it('seals everything with the current key, once, and then the old one may go', async () => {
    const { world, id } = await issuedWorld();
    const states = new InMemoryIssuerStateStore();
    await states.keepFirst('local', 'authority', {
      data: {},
      sealed: world.keyRing.seal('secret', 'issuer/local/authority'),
    });
    const old = (await world.store.active('shop.example.test'))!.sealedKey;
    const key = world.keyRing.open(old, certificatePurpose(id));
    const text = KeyRing.generate('next');
    const alone = KeyRing.parse(text);
    await expect(requireKeys(alone, world.store, states)).rejects.toThrow(MissingEncryptionKeyError);
    await expect(requireKeys(alone, world.store, states)).rejects.toThrow('"world"');
    const both = KeyRing.parse(`${text},${world.encryptionKeys}`);
    expect(await rotateKeys(both, world.store, states)).toEqual({ resealed: 2, kept: 0 });
    expect(await rotateKeys(both, world.store, states)).toEqual({ resealed: 0, kept: 2 });
    await requireKeys(alone, world.store, states);
    const { sealedKey } = (await world.store.active('shop.example.test'))!;
    expect(alone.open(sealedKey, certificatePurpose(id))).toBe(key);
  });
});
