import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { assertPages } from '../testing/assert-pages.js';
import { type Domain } from './domain.js';
import { type DomainStore } from './domain.store.js';
import { DomainTakenError } from './network.errors.js';

/** What every `DomainStore` keeps. */
export function domainStoreContract(setup: () => DomainStore): ContractCase[] {
  let number = 0;
  const add = (
    tenantId: TenantId = newId('tenant'),
    hostname = `d${++number}-${newId('domain').slice(-8)}.test`,
  ): Promise<Domain> => setup().insert(tenantId, { id: newId('domain'), hostname, token: 'secret' });

  return contract(setup, {
    'keeps a domain as the tenant’s own': async (store) => {
      const made = await add();
      const { tenantId, id, hostname } = made;
      assert.deepEqual(await store.find(tenantId, id), made);
      assert.deepEqual(await store.findByHostname(tenantId, hostname), made);
      assert.equal(await store.find(newId('tenant'), id), undefined);
      assert.equal(await store.findByHostname(newId('tenant'), hostname), undefined);
      await assert.rejects(store.find(tenantId, 'x' as never), InvalidIdError);
    },
    'lists the tenant’s in pages': async (store) => {
      const tenantId = newId('tenant');
      const made = [await add(tenantId), await add(tenantId), await add(tenantId)];
      await add();
      await assertPages((query) => store.list(tenantId, query), made);
    },
    'lets several tenants claim a name, and one of them prove it': async (store) => {
      const [a, b] = [await add(), await add()];
      const other = await add(b.tenantId, a.hostname);
      await assert.rejects(add(a.tenantId, a.hostname), DomainTakenError);
      assert.equal(await store.findVerifiedAcrossTenants(a.hostname), undefined);
      const verified = await store.markVerified(a.tenantId, a.id);
      assert.ok(verified?.verifiedAt);
      assert.deepEqual(await store.findVerifiedAcrossTenants(a.hostname), verified);
      await assert.rejects(store.markVerified(b.tenantId, other.id), DomainTakenError);
      const again = await store.markVerified(a.tenantId, a.id);
      assert.deepEqual(again?.verifiedAt, verified.verifiedAt);
      assert.equal(await store.delete(a.tenantId, a.id), true);
      assert.ok((await store.markVerified(b.tenantId, other.id))?.verifiedAt);
    },
    'is lost once, found once, and unreachable since the first time': async (store) => {
      const { tenantId, id } = await add();
      const first = await store.noteUnreachable(tenantId, id);
      const second = await store.noteUnreachable(tenantId, id);
      assert.ok(first?.unreachableSince);
      assert.deepEqual(second?.unreachableSince, first.unreachableSince);
      assert.deepEqual(
        [await store.markLost(tenantId, id), await store.markLost(tenantId, id)],
        [true, false],
      );
      assert.ok((await store.find(tenantId, id))?.lostAt);
      assert.deepEqual(
        [await store.markReachable(tenantId, id), await store.markReachable(tenantId, id)],
        [true, false],
      );
      const { lostAt, unreachableSince } = (await store.find(tenantId, id))!;
      assert.deepEqual([lostAt, unreachableSince], [undefined, undefined]);
      await store.noteUnreachable(tenantId, id);
      assert.equal(await store.markReachable(tenantId, id), false, 'it was not lost');
      assert.equal((await store.find(tenantId, id))?.unreachableSince, undefined);
    },
    'keeps when its certificate ends': async (store) => {
      const { tenantId, id } = await add();
      const expiry = new Date('2026-05-01T00:00:00.123Z');
      await store.setCertExpiry(tenantId, id, expiry);
      assert.deepEqual((await store.find(tenantId, id))?.certExpiry, expiry);
    },
    'removes the tenant’s own, once': async (store) => {
      const { tenantId, id } = await add();
      assert.equal(await store.delete(newId('tenant'), id), false);
      assert.equal(await store.delete(tenantId, id), true);
      assert.equal(await store.delete(tenantId, id), false);
    },
  });
}
