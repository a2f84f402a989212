import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { assertLocks } from '../testing/assert-locks.js';
import { assertPages } from '../testing/assert-pages.js';
import { TenantNameTakenError } from './tenant.errors.js';
import { type TenantRepository } from './tenant.repository.js';

/** A repository that no other tests are using, and how to run something in one transaction of its store. */
export interface TenantRepositorySetup {
  repository: TenantRepository;
  transaction<T>(fn: () => Promise<T>): Promise<T>;
}

/** What every `TenantRepository` keeps. `setup` is called by each case; one repository may serve them all. */
export function tenantRepositoryContract(setup: () => TenantRepositorySetup): ContractCase[] {
  const insert = (name: string = newId('tenant')) => setup().repository.insert({ id: newId('tenant'), name });

  return contract(setup, {
    'finds a tenant by its id and by its name': async ({ repository }) => {
      const tenant = await insert();
      assert.deepEqual(await repository.find(tenant.id), tenant);
      assert.deepEqual(await repository.findByName(tenant.name), tenant);
      assert.ok(Math.abs(tenant.createdAt.getTime() - Date.now()) < 60_000);
    },
    'finds nothing where there is nothing': async ({ repository }) => {
      assert.equal(await repository.find(newId('tenant')), undefined);
      assert.equal(await repository.findByName('nobody'), undefined);
      assert.equal(await repository.delete(newId('tenant')), false);
    },
    'refuses a name that is taken': async () => {
      const { name } = await insert();
      await assert.rejects(insert(name), TenantNameTakenError);
    },
    'lists all tenants page by page, oldest first': async ({ repository }) => {
      for (let n = 0; n < 3; n++) await insert();
      const all = (await repository.listAcrossTenants({ limit: 1_000 })).items;
      assert.deepEqual(
        all.map(({ createdAt }) => createdAt),
        all.map(({ createdAt }) => createdAt).toSorted((a, b) => a.getTime() - b.getTime()),
      );
      await assertPages((query) => repository.listAcrossTenants(query), all);
    },
    'makes a second lock wait for the first transaction': async ({ repository, transaction }) => {
      const { id } = await insert();
      await assertLocks(transaction, () => repository.lock(id));
      await transaction(async () => assert.equal(await repository.lock(newId('tenant')), undefined));
    },
    'tells the one that removed a tenant from the one that came too late': async ({ repository }) => {
      const { id } = await insert();
      const removed = await Promise.all([repository.delete(id), repository.delete(id)]);
      assert.deepEqual(removed.toSorted(), [false, true]);
      assert.equal(await repository.find(id), undefined);
    },
    'refuses a malformed id': async ({ repository }) => {
      const malformed = `ten_'; DROP TABLE tenants` as TenantId;
      await assert.rejects(repository.find(malformed), InvalidIdError);
      await assert.rejects(repository.delete(malformed), InvalidIdError);
      await assert.rejects(repository.insert({ id: malformed, name: 'x' }), InvalidIdError);
    },
  });
}
