import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { specHash } from '../providers/spec-hash.js';
import { assertLocks } from '../testing/assert-locks.js';
import { assertPages } from '../testing/assert-pages.js';
import { WorkloadNameTakenError } from './workload.errors.js';
import { DEFAULT_ROLLOUT } from './workload.js';
import { type NewWorkload, type WorkloadRepository } from './workload.repository.js';

/** A repository, and how to run something in one transaction of its store. */
export interface WorkloadRepositorySetup {
  repository: WorkloadRepository;
  transaction<T>(fn: () => Promise<T>): Promise<T>;
}

/** What every `WorkloadRepository` keeps. `setup` is called by each case; one repository may serve them all. */
export function workloadRepositoryContract(setup: () => WorkloadRepositorySetup): ContractCase[] {
  const insert = (tenantId: TenantId, workload: Partial<NewWorkload> = {}) =>
    setup().repository.insert(tenantId, {
      id: newId('workload'),
      name: 'web',
      provider: 'process',
      spec: { command: ['true'] },
      labels: {},
      replicas: 1,
      ...workload,
    });

  return contract(setup, {
    'gives back every field as it was stored': async ({ repository }) => {
      const tenantId = newId('tenant');
      const given: NewWorkload = {
        id: newId('workload'),
        name: 'web',
        datacenterId: newId('datacenter'),
        provider: 'process',
        spec: {
          command: ['node', 'a b', `"it's"`],
          env: { GREETING: 'grüß dich 💥\n' },
          workingDirectory: '/tmp',
          ports: [{ name: 'http', env: 'PORT' }],
        },
        labels: { 'example.com/team': 'x', 'ctrlplane.gc': 'protect' },
        replicas: 3,
      };
      const workload = await insert(tenantId, given);
      const { createdAt, updatedAt, ...rest } = workload;
      assert.deepEqual(rest, {
        tenantId,
        ...given,
        specHash: specHash(given.spec),
        driftPolicy: 'restart',
        rollout: DEFAULT_ROLLOUT,
        paused: false,
        deletionReason: undefined,
        conditions: [],
      });
      assert.ok(Math.abs(createdAt.getTime() - Date.now()) < 60_000);
      assert.ok(updatedAt >= createdAt);
      assert.deepEqual(await repository.find(tenantId, workload.id), workload);
      assert.deepEqual(await repository.findByName(tenantId, 'web'), workload);
    },
    'shows nothing to another tenant': async ({ repository, transaction }) => {
      const theirs = newId('tenant');
      const { id, tenantId } = await insert(newId('tenant'));
      assert.equal(await repository.find(theirs, id), undefined);
      assert.equal(await repository.findByName(theirs, 'web'), undefined);
      assert.equal(await repository.setReplicas(theirs, id, 9), undefined);
      assert.equal(await transaction(() => repository.lock(theirs, id)), undefined);
      assert.equal(await repository.delete(theirs, id), false);
      assert.equal((await repository.find(tenantId, id))?.replicas, 1);
    },
    'refuses a name that the tenant has given already, not one of another tenant': async () => {
      const tenantId = newId('tenant');
      await insert(tenantId);
      await assert.rejects(insert(tenantId), WorkloadNameTakenError);
      await insert(newId('tenant'));
    },
    "lists the tenant's workloads page by page, oldest first": async ({ repository }) => {
      const tenantId = newId('tenant');
      const all = [];
      for (const name of ['c', 'a', 'b']) all.push(await insert(tenantId, { name }));
      await insert(newId('tenant'));
      await assertPages((query) => repository.list(tenantId, query), all);
    },
    'sets the replicas, and when that was': async ({ repository }) => {
      const workload = await insert(newId('tenant'));
      const scaled = await repository.setReplicas(workload.tenantId, workload.id, 7);
      assert.ok(scaled && scaled.updatedAt >= workload.updatedAt);
      assert.deepEqual(scaled, { ...workload, replicas: 7, updatedAt: scaled.updatedAt });
      assert.deepEqual(await repository.find(workload.tenantId, workload.id), scaled);
      assert.equal(await repository.setReplicas(workload.tenantId, newId('workload'), 7), undefined);
    },
    'changes what it is told to and leaves the rest': async ({ repository }) => {
      const before = await insert(newId('tenant'));
      const spec = { command: ['false'] };
      const change = { spec, driftPolicy: 'mark', paused: true } as const;
      const after = await repository.change(before.tenantId, before.id, change);
      assert.deepEqual(after, {
        ...before,
        ...change,
        specHash: specHash(spec),
        updatedAt: after?.updatedAt,
      });
      assert.deepEqual(await repository.find(before.tenantId, before.id), after);
      assert.equal(await repository.change(newId('tenant'), before.id, change), undefined);
    },
    'makes a second lock wait for the first transaction': async ({ repository, transaction }) => {
      const { id, tenantId } = await insert(newId('tenant'));
      await assertLocks(transaction, () => repository.lock(tenantId, id));
    },
    'tells the one that removed a workload from the one that came too late': async ({ repository }) => {
      const { id, tenantId } = await insert(newId('tenant'));
      const removed = await Promise.all([repository.delete(tenantId, id), repository.delete(tenantId, id)]);
      assert.deepEqual(removed.toSorted(), [false, true]);
      assert.equal(await repository.find(tenantId, id), undefined);
    },
    'refuses a malformed id': async ({ repository }) => {
      const [tenant, workload] = ['ten_x' as TenantId, 'wkl_x' as WorkloadId];
      await assert.rejects(repository.find(newId('tenant'), workload), InvalidIdError);
      await assert.rejects(repository.delete(tenant, newId('workload')), InvalidIdError);
      await assert.rejects(repository.list(tenant), InvalidIdError);
      await assert.rejects(insert(tenant), InvalidIdError);
    },
  });
}
