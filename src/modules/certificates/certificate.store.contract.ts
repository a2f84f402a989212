import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { assertPages } from '../testing/assert-pages.js';
import { type Certificate, type NewVersion, type RenewalState } from './certificate.js';
import { type CertificateClaim, type CertificateStore } from './certificate.store.js';

export interface CertificateStoreSetup {
  store: CertificateStore;
  /** Lets its time go on by this many milliseconds, or a little more. */
  pass(ms: number): Promise<void>;
}

const VALID: RenewalState = { stage: 'valid', failures: 0, issuerTurn: 0, told: [] };
const MINUTE = 60_000;

/** What every `CertificateStore` keeps. Cases leave nothing due behind. */
export function certificateStoreContract(setup: () => CertificateStoreSetup): ContractCase[] {
  let number = 0;
  const name = () => `name-${++number}-${newId('certificate').slice(-8)}.example.test`;

  async function add(names = [name()], tenantId: TenantId = newId('tenant')) {
    const id = newId('certificate');
    const wanted = { id, domainId: newId('domain'), names, keyType: 'ec-p256' as const };
    return setup().store.insert(tenantId, wanted);
  }
  /** What is due, of those that a case has made. */
  async function due(wanted: readonly Certificate[]): Promise<Certificate[]> {
    const all = await setup().store.dueAcrossTenants(1_000);
    return all.filter((certificate) => wanted.some(({ id }) => id === certificate.id));
  }
  async function claim(wanted: readonly Certificate[], lease = MINUTE): Promise<CertificateClaim[]> {
    const claims: CertificateClaim[] = [];
    for (const shown of await due(wanted)) claims.push((await setup().store.claim(shown, lease))!);
    return claims;
  }
  async function claimOne(certificate: Certificate, lease = MINUTE): Promise<CertificateClaim> {
    const [claimed] = await claim([certificate], lease);
    assert.ok(claimed, 'it is due');
    return claimed;
  }
  const version = (serialNumber = 'ab12', more: Partial<NewVersion> = {}): NewVersion => ({
    issuer: 'test',
    chain: `chain ${serialNumber}`,
    sealedKey: `v1.k.${serialNumber}.x.y`,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2026-04-01T00:00:00Z'),
    serialNumber,
    ariId: 'abc.def',
    ...more,
  });
  async function issued(names?: string[], given = version()): Promise<Certificate> {
    const certificate = await add(names);
    const claimed = await claimOne(certificate);
    const settled = { renewal: VALID, dueIn: Infinity };
    return (await setup().store.activate(claimed, given, settled))!;
  }

  return contract(setup, {
    'keeps what is wanted, as the tenant’s own': async ({ store }) => {
      const made = await issued();
      assert.deepEqual(await store.find(made.tenantId, made.id), made);
      assert.equal(await store.find(newId('tenant'), made.id), undefined);
      await assert.rejects(store.find('x' as TenantId, made.id), InvalidIdError);
      await assert.rejects(store.find(made.tenantId, 'x' as never), InvalidIdError);
    },
    'lists the tenant’s in pages, by domain and by stage': async ({ store }) => {
      const tenantId = newId('tenant');
      const made: Certificate[] = [];
      for (let n = 0; n < 3; n++) made.push(await add([name()], tenantId));
      for (const claimed of await claim(made))
        await store.settle(claimed, { renewal: claimed.certificate.renewal, dueIn: Infinity });
      const now = await Promise.all(made.map(({ id }) => store.find(tenantId, id)));
      await assertPages((query) => store.list(tenantId, query), now);
      const { domainId } = made[1]!;
      assert.deepEqual((await store.list(tenantId, { domainId })).items, [now[1]]);
      assert.deepEqual((await store.list(tenantId, { stage: 'valid' })).items, []);
      assert.deepEqual((await store.list(tenantId, { stage: 'pending' })).items, now);
      const all = await store.listAcrossTenants({ domainId });
      assert.deepEqual(all.items, [now[1]]);
    },
    'lists by expiry in pages: what was never issued first, then what expires soonest': async ({ store }) => {
      const tenantId = newId('tenant');
      const expiring = async (notAfter: string): Promise<Certificate> => {
        const claimed = await claimOne(await add([name()], tenantId));
        const settled = { renewal: VALID, dueIn: Infinity };
        return (await store.activate(claimed, version('ab', { notAfter: new Date(notAfter) }), settled))!;
      };
      const late = await expiring('2026-09-01T00:00:00Z');
      const soon = await expiring('2026-05-01T00:00:00Z');
      const never = await add([name()], tenantId);
      const now = (await Promise.all(
        [never, soon, late].map(({ id }) => store.find(tenantId, id)),
      )) as Certificate[];
      await assertPages((query) => store.list(tenantId, { ...query, order: 'expiry' }), now);
      const [claimed] = await claim([never]);
      await store.settle(claimed!, { renewal: VALID, dueIn: Infinity });
    },
    'shows what is due to whoever asks, the longest due first, and no more than asked for': async ({
      store,
      pass,
    }) => {
      const first = await add();
      await pass(5);
      const second = await add();
      const ids = (certificates: Certificate[]) => certificates.map(({ id }) => id);
      for (let n = 0; n < 2; n++) assert.deepEqual(ids(await due([first, second])), [first.id, second.id]);
      assert.equal((await store.dueAcrossTenants(1)).length, 1);
      for (const claimed of await claim([first, second]))
        await store.settle(claimed, { renewal: VALID, dueIn: Infinity });
    },
    'gives what is due to one of those who claim it at a time': async ({ store }) => {
      const [shown] = await due([await add()]);
      const claims = await Promise.all(Array.from({ length: 5 }, () => store.claim(shown!, MINUTE)));
      const [held, ...others] = claims.filter((claimed) => claimed !== undefined);
      assert.deepEqual(others, []);
      assert.ok(Math.abs(held!.lease.getTime() - held!.now.getTime() - MINUTE) < MINUTE / 2);
      await store.settle(held!, { renewal: VALID, dueIn: Infinity });
      assert.equal(await store.claim(shown!, MINUTE), undefined, 'settled in the meantime');
    },
    'claims nothing that is gone, or was never due': async ({ store }) => {
      const made = await add();
      const held = await claimOne(made);
      const idle = await store.settle(held, { renewal: VALID, dueIn: Infinity });
      assert.equal(await store.claim(idle!.certificate, MINUTE), undefined);
      assert.equal(await store.delete(made.tenantId, made.id), true);
      assert.equal(await store.claim(made, MINUTE), undefined);
    },
    'hands out what is due once, and again when its lease has ended': async ({ store, pass }) => {
      const made = await add();
      const first = await claimOne(made, 1_100);
      assert.deepEqual(await claim([made]), []);
      await pass(1_200);
      const second = await claimOne(made);
      const settled = { renewal: VALID, dueIn: Infinity };
      assert.equal(await store.settle(first, settled), undefined, 'no longer the first holder’s');
      assert.equal(await store.activate(first, version(), settled), undefined);
      assert.equal((await store.find(made.tenantId, made.id))!.issued, undefined);
      assert.ok(await store.settle(second, settled));
    },
    'keeps the state that a holder settles, and is due when it says': async ({ store, pass }) => {
      const made = await add();
      const renewal: RenewalState = {
        stage: 'backoff',
        renewAt: new Date('2026-02-01T00:00:00.123Z'),
        ari: {
          start: new Date('2026-02-01T00:00:00Z'),
          end: new Date('2026-02-02T00:00:00Z'),
          renewAt: new Date('2026-02-01T12:00:00Z'),
          explanationUrl: 'https://ca.example/why',
        },
        ariPollAt: new Date('2026-01-02T00:00:00Z'),
        failures: 3,
        failingSince: new Date('2026-01-01T01:00:00Z'),
        lastError: 'the CA said "no"',
        lastFailedAt: new Date('2026-01-01T02:00:00Z'),
        issuerTurn: 1,
        told: ['expiring', 'renewing'],
      };
      await store.settle(await claimOne(made), { renewal, dueIn: 200.4 });
      assert.deepEqual((await store.find(made.tenantId, made.id))!.renewal, renewal);
      assert.deepEqual(await claim([made]), []);
      await pass(250);
      await store.settle(await claimOne(made), { renewal: VALID, dueIn: Infinity });
      const ended = (await store.find(made.tenantId, made.id))!;
      assert.equal(ended.dueAt, undefined);
      assert.deepEqual(ended.renewal, VALID);
    },
    'goes on with the claim that a settlement gives, and with no other': async ({ store }) => {
      const first = await claimOne(await add());
      const settled = { renewal: VALID, dueIn: 2 * MINUTE, ordering: true };
      const second = (await store.settle(first, settled))!;
      assert.equal(await store.settle(first, settled), undefined);
      assert.ok(await store.activate(second, version(), { renewal: VALID, dueIn: Infinity }));
    },
    'wakes what waits, and nothing that is being ordered': async ({ store }) => {
      const made = await add();
      const claimed = await claimOne(made);
      const ordering = (await store.settle(claimed, { renewal: VALID, dueIn: MINUTE, ordering: true }))!;
      assert.equal(await store.wake(made.tenantId, made.id), false);
      assert.deepEqual(await claim([made]), []);
      await store.settle(ordering, { renewal: VALID, dueIn: Infinity });
      assert.equal(await store.wake(newId('tenant'), made.id), false);
      assert.equal(await store.wake(made.tenantId, made.id), true);
      await store.settle(await claimOne(made), { renewal: VALID, dueIn: Infinity });
    },
    'serves what was issued last, and keeps the one before it alone': async ({ store }) => {
      const made = await issued(undefined, version('01'));
      const { id, tenantId, names } = made;
      for (const serial of ['02', '03']) {
        await store.wake(tenantId, id);
        const claimed = await claimOne(made);
        await store.activate(claimed, version(serial), { renewal: VALID, dueIn: Infinity });
      }
      const common = { id, tenantId, names, notAfter: version().notAfter };
      assert.deepEqual(await store.active(names[0]!), {
        ...common,
        version: 3,
        chain: 'chain 03',
        sealedKey: 'v1.k.03.x.y',
      });
      assert.deepEqual(await store.newest(tenantId, id), await store.active(names[0]!));
      assert.equal(await store.newest(newId('tenant'), id), undefined);
      assert.deepEqual(await store.previous(tenantId, id), {
        ...common,
        version: 2,
        chain: 'chain 02',
        sealedKey: 'v1.k.02.x.y',
      });
      assert.deepEqual((await store.find(tenantId, id))!.issued, {
        version: 3,
        issuer: 'test',
        notBefore: version().notBefore,
        notAfter: version().notAfter,
        serialNumber: '03',
        ariId: 'abc.def',
      });
      const own = (await store.sealedVersions(undefined, 100_000)).filter((sealed) => sealed.id === id);
      assert.deepEqual(
        own.map((sealed) => sealed.version),
        [2, 3],
      );
    },
    'serves what has not expired, then the exact name, then what is valid longest; nothing that was not issued':
      async ({ store }) => {
        const parent = name();
        const host = `shop.${parent}`;
        const until = (day: string) => ({ notAfter: new Date(`${day}T00:00:00Z`) });
        const wanted = await add([host]);
        await claimOne(wanted);
        assert.equal(await store.active(host), undefined);
        assert.equal(await store.newest(wanted.tenantId, wanted.id), undefined);
        const expired = await issued([host], version('09', until('2001-12-01')));
        assert.equal((await store.active(host))?.id, expired.id);
        const wildcard = await issued([`*.${parent}`], version('0a', until('2099-12-01')));
        assert.equal((await store.active(host))?.id, wildcard.id);
        const exact = await issued([host, `www.${host}`], version('0b', until('2099-03-01')));
        assert.equal((await store.active(host))?.id, exact.id);
        const longer = await issued([host], version('0c', until('2099-04-01')));
        assert.equal((await store.active(host))?.id, longer.id);
        assert.equal(await store.active(parent), undefined);
        assert.equal(await store.active(`a.b.${parent}`), undefined);
        assert.equal(await store.active('nul\0.example.test'), undefined);
      },
    'removes all of a certificate, and only the tenant’s own': async ({ store }) => {
      const { id, tenantId, names } = await issued();
      assert.equal(await store.delete(newId('tenant'), id), false);
      assert.equal(await store.delete(tenantId, id), true);
      assert.equal(await store.delete(tenantId, id), false);
      assert.equal(await store.active(names[0]!), undefined);
    },
    'seals a key anew only as long as it is the one that was read': async ({ store }) => {
      const { id } = await issued();
      const all = await store.sealedVersions(undefined, 100_000);
      const sealed = all.find((one) => one.id === id)!;
      const after = await store.sealedVersions(sealed, 1);
      assert.ok(!after.some((one) => one.id === id));
      assert.ok((await store.encryptionKeyIds()).includes('k'));
      assert.equal(await store.reseal(sealed, 'v1.k2.n.t.c'), true);
      assert.equal(await store.reseal(sealed, 'v1.k3.n.t.c'), false);
      assert.ok((await store.encryptionKeyIds()).includes('k2'));
    },
  });
}
