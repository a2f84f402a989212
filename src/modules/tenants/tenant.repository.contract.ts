import assert from 'node:assert/strict';
import { type ContractCase } from '../../core/testing/contract-case.js';
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

  return [
    {
      name: 'finds a tenant by its id and by its name',
      run: async () => {
        const { repository } = setup();
        const tenant = await insert();
        assert.deepEqual(await repository.find(tenant.id), tenant);
        assert.deepEqual(await repository.findByName(tenant.name), tenant);
        assert.ok(Math.abs(tenant.createdAt.getTime() - Date.now()) < 60_000);
      },
    },
    {
      name: 'finds nothing where there is nothing',
      run: async () => {
        const { repository } = setup();
        assert.equal(await repository.find(newId('tenant')), undefined);
        assert.equal(await repository.findByName('nobody'), undefined);
        assert.equal(await repository.delete(newId('tenant')), false);
      },
    },
    {
      name: 'refuses a name that is taken',
      run: async () => {
        const { name } = await insert();
        await assert.rejects(insert(name), TenantNameTakenError);
      },
    },
    {
      name: 'lists all tenants page by page, oldest first',
      run: async () => {
        const { repository } = setup();
        for (let n = 0; n < 3; n++) await insert();
        const all = (await repository.listAcrossTenants({ limit: 1_000 })).items;
        assert.deepEqual(
          all.map(({ createdAt }) => createdAt),
          all.map(({ createdAt }) => createdAt).toSorted((a, b) => a.getTime() - b.getTime()),
        );
        await assertPages((query) => repository.listAcrossTenants(query), all);
      },
    },
    {
      name: 'makes a second lock wait for the first transaction',
      run: async () => {
        const { repository, transaction } = setup();
        const { id } = await insert();
        await assertLocks(transaction, () => repository.lock(id));
        await transaction(async () => assert.equal(await repository.lock(newId('tenant')), undefined));
      },
    },
    {
      name: 'tells the one that removed a tenant from the one that came too late',
      run: async () => {
        const { repository } = setup();
        const { id } = await insert();
        const removed = await Promise.all([repository.delete(id), repository.delete(id)]);
        assert.deepEqual(removed.toSorted(), [false, true]);
        assert.equal(await repository.find(id), undefined);
      },
    },
    {
      name: 'refuses a malformed id',
      run: async () => {
        const { repository } = setup();
        const malformed = `ten_'; DROP TABLE tenants` as TenantId;
        await assert.rejects(repository.find(malformed), InvalidIdError);
        await assert.rejects(repository.delete(malformed), InvalidIdError);
        await assert.rejects(repository.insert({ id: malformed, name: 'x' }), InvalidIdError);
      },
    },
  ];
}
