import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { newId } from '../ids/typed-id.js';
import { assertLocks } from '../testing/assert-locks.js';
import { type BootstrapRepository } from './bootstrap.repository.js';
import { bootstrapHash, type CheckedBootstrapSpec } from './bootstrap-spec.js';

export interface BootstrapRepositorySetup {
  repository: BootstrapRepository;
  /** A datacenter that is stored. */
  datacenter(): Promise<Pick<Datacenter, 'id' | 'tenantId'>>;
  transaction<T>(fn: () => Promise<T>): Promise<T>;
}

const SPEC: CheckedBootstrapSpec = {
  name: 'ingress',
  kind: 'service',
  replicas: 2,
  services: [{ name: 'proxy', spec: { command: ['true'], env: { A: 'ä' } } }],
  labels: { team: 'platform' },
};

/** What every `BootstrapRepository` keeps. `setup` is called by each case; one repository may serve them all. */
export function bootstrapRepositoryContract(setup: () => BootstrapRepositorySetup): ContractCase[] {
  return contract(setup, {
    'stores a service once for each name of a datacenter, as pending': async ({ repository, datacenter }) => {
      const [one, other] = [await datacenter(), await datacenter()];
      const service = (await repository.insert(one, 'declared', SPEC))!;
      assert.deepEqual(
        { ...service, id: '', createdAt: 0, updatedAt: 0 },
        {
          id: '',
          tenantId: one.tenantId,
          datacenterId: one.id,
          name: 'ingress',
          origin: 'declared',
          spec: SPEC,
          specHash: bootstrapHash(SPEC),
          installedHash: undefined,
          state: 'pending',
          attempts: 0,
          nextAttemptAt: undefined,
          lastError: undefined,
          createdAt: 0,
          updatedAt: 0,
        },
      );
      assert.equal(await repository.insert(one, 'hook:x', SPEC), undefined);
      await repository.insert(other, 'declared', SPEC);
      assert.deepEqual(await repository.listAcrossTenants(one.id), [service]);
      const gone = { id: newId('datacenter'), tenantId: one.tenantId };
      assert.equal(await repository.insert(gone, 'declared', SPEC), undefined);
    },
    'changes what it is told to, from the states that it is told': async ({ repository, datacenter }) => {
      const { id } = (await repository.insert(await datacenter(), 'declared', SPEC))!;
      assert.equal(await repository.change(id, { state: 'retired' }, ['retiring']), undefined);
      const spec = { ...SPEC, replicas: 3 };
      const failed = await repository.change(
        id,
        { state: 'failed', spec, attempts: 2, nextAttemptIn: 3_600_000, lastError: 'no\0 way' },
        ['pending'],
      );
      assert.equal(failed?.specHash, bootstrapHash(spec));
      assert.deepEqual([failed?.state, failed?.attempts, failed?.lastError], ['failed', 2, 'no way']);
      assert.ok(Number(failed?.nextAttemptAt) - Number(failed?.updatedAt) > 3_500_000);
      const well = await repository.change(id, { nextAttemptIn: null, lastError: null });
      assert.deepEqual([well?.nextAttemptAt, well?.lastError, well?.spec], [undefined, undefined, spec]);
    },
    'makes a second lock wait for the first transaction': async ({ repository, datacenter, transaction }) => {
      const { id } = (await repository.insert(await datacenter(), 'declared', SPEC))!;
      await assertLocks(transaction, () => repository.lock(id));
    },
    'keeps what each hook contributed last, and whether it fails': async ({ repository, datacenter }) => {
      const { id } = await datacenter();
      await repository.keepContribution(id, { hook: 'one', specs: [SPEC] });
      await repository.keepContribution(id, { hook: 'two', specs: [] });
      await repository.keepContribution(id, { hook: 'one', specs: [SPEC], error: 'away' });
      await repository.dropContribution(id, 'two');
      assert.deepEqual(await repository.contributions(id), [{ hook: 'one', specs: [SPEC], error: 'away' }]);
    },
  });
}
