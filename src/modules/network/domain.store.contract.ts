import assert from 'node:assert/strict';
import { type ContractCase } from '../../core/testing/contract-case.js';
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

  return [
    {
      name: 'keeps a domain as the tenant’s own',
      run: async () => {
        const made = await add();
        const { tenantId, id, hostname } = made;
        assert.deepEqual(await setup().find(tenantId, id), made);
        assert.deepEqual(await setup().findByHostname(tenantId, hostname), made);
        assert.equal(await setup().find(newId('tenant'), id), undefined);
        assert.equal(await setup().findByHostname(newId('tenant'), hostname), undefined);
        await assert.rejects(setup().find(tenantId, 'x' as never), InvalidIdError);
      },
    },
    {
      name: 'lists the tenant’s in pages',
      run: async () => {
        const tenantId = newId('tenant');
        const made = [await add(tenantId), await add(tenantId), await add(tenantId)];
        await add();
        await assertPages((query) => setup().list(tenantId, query), made);
      },
    },
    {
      name: 'lets several tenants claim a name, and one of them prove it',
      run: async () => {
        const [a, b] = [await add(), await add()];
        const other = await add(b.tenantId, a.hostname);
        await assert.rejects(add(a.tenantId, a.hostname), DomainTakenError);
        assert.equal(await setup().findVerifiedAcrossTenants(a.hostname), undefined);
        const verified = await setup().markVerified(a.tenantId, a.id);
        assert.ok(verified?.verifiedAt);
        assert.deepEqual(await setup().findVerifiedAcrossTenants(a.hostname), verified);
        await assert.rejects(setup().markVerified(b.tenantId, other.id), DomainTakenError);
        const again = await setup().markVerified(a.tenantId, a.id);
        assert.deepEqual(again?.verifiedAt, verified.verifiedAt);
        assert.equal(await setup().delete(a.tenantId, a.id), true);
        assert.ok((await setup().markVerified(b.tenantId, other.id))?.verifiedAt);
      },
    },
    {
      name: 'is lost once, found once, and unreachable since the first time',
      run: async () => {
        const { tenantId, id } = await add();
        const first = await setup().noteUnreachable(tenantId, id);
        const second = await setup().noteUnreachable(tenantId, id);
        assert.ok(first?.unreachableSince);
        assert.deepEqual(second?.unreachableSince, first.unreachableSince);
        assert.deepEqual(
          [await setup().markLost(tenantId, id), await setup().markLost(tenantId, id)],
          [true, false],
        );
        assert.ok((await setup().find(tenantId, id))?.lostAt);
        assert.deepEqual(
          [await setup().markReachable(tenantId, id), await setup().markReachable(tenantId, id)],
          [true, false],
        );
        const { lostAt, unreachableSince } = (await setup().find(tenantId, id))!;
        assert.deepEqual([lostAt, unreachableSince], [undefined, undefined]);
        await setup().noteUnreachable(tenantId, id);
        assert.equal(await setup().markReachable(tenantId, id), false, 'it was not lost');
        assert.equal((await setup().find(tenantId, id))?.unreachableSince, undefined);
      },
    },
    {
      name: 'keeps when its certificate ends',
      run: async () => {
        const { tenantId, id } = await add();
        const expiry = new Date('2026-05-01T00:00:00.123Z');
        await setup().setCertExpiry(tenantId, id, expiry);
        assert.deepEqual((await setup().find(tenantId, id))?.certExpiry, expiry);
      },
    },
    {
      name: 'removes the tenant’s own, once',
      run: async () => {
        const { tenantId, id } = await add();
        assert.equal(await setup().delete(newId('tenant'), id), false);
        assert.equal(await setup().delete(tenantId, id), true);
        assert.equal(await setup().delete(tenantId, id), false);
      },
    },
  ];
}
