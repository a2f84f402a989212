import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type DatacenterId, newId, type TenantId } from '../ids/typed-id.js';
import { assertPages } from '../testing/assert-pages.js';
import { DatacenterNameTakenError } from './datacenter.errors.js';
import { type DatacenterStatus } from './datacenter.js';
import { type DatacenterRepository } from './datacenter.repository.js';

/** What every `DatacenterRepository` keeps. `setup` is called by each case; one may serve them all. */
export function datacenterRepositoryContract(setup: () => DatacenterRepository): ContractCase[] {
  const insert = (tenantId: TenantId, name = 'fra1', status: DatacenterStatus = 'active') =>
    setup().insert(tenantId, { id: newId('datacenter'), name, status });

  return contract(setup, {
    'finds a datacenter by its id and by its name, for its tenant alone': async (repository) => {
      const [ours, theirs] = [newId('tenant'), newId('tenant')];
      const datacenter = await insert(ours, 'fra1', 'draining');
      assert.deepEqual(await repository.find(ours, datacenter.id), datacenter);
      assert.deepEqual(await repository.findByName(ours, 'fra1'), datacenter);
      assert.equal(await repository.find(theirs, datacenter.id), undefined);
      assert.equal(await repository.findByName(theirs, 'fra1'), undefined);
    },
    'refuses a name that the tenant has given already, not one of another tenant': async () => {
      const tenantId = newId('tenant');
      await insert(tenantId);
      await assert.rejects(insert(tenantId), DatacenterNameTakenError);
      await insert(newId('tenant'));
    },
    "lists the tenant's datacenters page by page, oldest first": async (repository) => {
      const tenantId = newId('tenant');
      const all = [await insert(tenantId, 'c'), await insert(tenantId, 'a'), await insert(tenantId, 'b')];
      await insert(newId('tenant'), 'd');
      await assertPages((query) => repository.list(tenantId, query), all);
    },
    'sets the status, for its tenant alone': async (repository) => {
      const tenantId = newId('tenant');
      const datacenter = await insert(tenantId);
      assert.equal(await repository.setStatus(newId('tenant'), datacenter.id, 'offline'), undefined);
      const offline = { ...datacenter, status: 'offline' };
      assert.deepEqual(await repository.setStatus(tenantId, datacenter.id, 'offline'), offline);
      assert.deepEqual(await repository.find(tenantId, datacenter.id), offline);
    },
    'keeps what bootstrap services it declares, and finds it among those of all tenants': async (
      repository,
    ) => {
      const tenantId = newId('tenant');
      const { id } = await insert(tenantId);
      const bootstrap = [{ name: 'ingress', services: [{ name: 'proxy', spec: { command: ['true'] } }] }];
      const after = await repository.setBootstrap(tenantId, id, bootstrap);
      assert.deepEqual(after?.bootstrap, bootstrap);
      assert.equal(await repository.setBootstrap(newId('tenant'), id, []), undefined);
      const found = [];
      for await (const datacenter of repository.everyAcrossTenants())
        if (datacenter.id === id) found.push(datacenter);
      assert.deepEqual(found, [after]);
    },
    'removes all of one tenant and none of another': async (repository) => {
      const [ours, theirs] = [newId('tenant'), newId('tenant')];
      await insert(ours, 'a');
      await insert(ours, 'b');
      const kept = await insert(theirs);
      await repository.deleteAll(ours);
      assert.deepEqual((await repository.list(ours)).items, []);
      assert.deepEqual((await repository.list(theirs)).items, [kept]);
    },
    'refuses a malformed id': async (repository) => {
      const tenantId = newId('tenant');
      await assert.rejects(repository.find(tenantId, 'dc_x' as DatacenterId), InvalidIdError);
      await assert.rejects(repository.list('x' as TenantId), InvalidIdError);
      await assert.rejects(repository.deleteAll('x' as TenantId), InvalidIdError);
    },
  });
}
