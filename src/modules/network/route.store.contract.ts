import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { assertPages } from '../testing/assert-pages.js';
import { RouteTakenError } from './network.errors.js';
import { type Route } from './route.js';
import { type NewRoute, type RouteStore } from './route.store.js';

/** What every `RouteStore` keeps. */
export function routeStoreContract(setup: () => RouteStore): ContractCase[] {
  const route = (more: Partial<NewRoute> = {}): NewRoute => ({
    id: newId('route'),
    domainId: newId('domain'),
    path: '/',
    workloadId: newId('workload'),
    port: 8080,
    protocol: 'http',
    weight: 100,
    stripPrefix: false,
    ...more,
  });
  const add = (tenantId: TenantId = newId('tenant'), more: Partial<NewRoute> = {}): Promise<Route> =>
    setup().insert(tenantId, route(more));

  return contract(setup, {
    'keeps a route as the tenant’s own, and changes it': async (store) => {
      const made = await add();
      const { tenantId, id } = made;
      assert.deepEqual(await store.find(tenantId, id), made);
      assert.equal(await store.find(newId('tenant'), id), undefined);
      assert.equal(await store.update(newId('tenant'), id, { weight: 1 }), undefined);
      const changed = await store.update(tenantId, id, { weight: 0, stripPrefix: true });
      assert.deepEqual(changed, { ...made, weight: 0, stripPrefix: true, updatedAt: changed?.updatedAt });
    },
    'leads a path of a domain to a workload once, and to several': async () => {
      const { tenantId, domainId, path, workloadId } = await add();
      await assert.rejects(add(tenantId, { domainId, path, workloadId }), RouteTakenError);
      await add(tenantId, { domainId, path });
    },
    'lists and removes the tenant’s, of one domain or all': async (store) => {
      const tenantId = newId('tenant');
      const domainId = newId('domain');
      const made = [
        await add(tenantId, { domainId, path: '/a' }),
        await add(tenantId),
        await add(tenantId, { domainId, path: '/b' }),
      ];
      await assertPages((query) => store.list(tenantId, query), made);
      await assertPages((query) => store.list(tenantId, { ...query, domainId }), [made[0], made[2]]);
      await store.deleteOfDomain(newId('tenant'), domainId);
      await store.deleteOfDomain(tenantId, domainId);
      assert.deepEqual((await store.list(tenantId)).items, [made[1]]);
      assert.equal(await store.delete(newId('tenant'), made[1]!.id), false);
      assert.equal(await store.delete(tenantId, made[1]!.id), true);
    },
  });
}
