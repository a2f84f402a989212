import assert from 'node:assert/strict';
import { type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { LABELS } from '../providers/provider.js';
import { assertPages } from '../testing/assert-pages.js';
import { type NewInstance } from './instance.js';
import { type InstanceRepository } from './instance.repository.js';

/** What every `InstanceRepository` keeps. `repository` is called by each case; one may serve them all. */
export function instanceRepositoryContract(repository: () => InstanceRepository): ContractCase[] {
  const insert = (tenantId: TenantId, instance: Partial<NewInstance> = {}) =>
    repository().insert(tenantId, {
      id: newId('instance'),
      name: 'web',
      provider: 'process',
      labels: {},
      spec: { command: ['true'] },
      ...instance,
    });

  return [
    {
      name: 'gives back every field as it was stored, in the state provisioning',
      run: async () => {
        const tenantId = newId('tenant');
        const workloadId = newId('workload');
        const given: NewInstance = {
          id: newId('instance'),
          name: 'web',
          provider: 'process',
          labels: { [LABELS.workload]: workloadId, team: 'x' },
          spec: { command: ['node', 'a b'], env: { A: `"it's"` }, ports: [{ name: 'http', env: 'PORT' }] },
        };
        const instance = await insert(tenantId, given);
        const { createdAt, updatedAt, ...rest } = instance;
        assert.deepEqual(rest, {
          tenantId,
          ...given,
          workloadId,
          state: 'provisioning',
          endpoints: [],
          ref: undefined,
          lastError: undefined,
        });
        assert.ok(Math.abs(createdAt.getTime() - Date.now()) < 60_000);
        assert.ok(updatedAt >= createdAt);
        assert.deepEqual(await repository().find(tenantId, instance.id), instance);
      },
    },
    {
      name: 'shows nothing to another tenant',
      run: async () => {
        const theirs = newId('tenant');
        const { id, tenantId } = await insert(newId('tenant'));
        assert.equal(await repository().find(theirs, id), undefined);
        assert.equal(await repository().change(theirs, id, { state: 'failed' }), undefined);
        assert.equal(await repository().delete(theirs, id), false);
        assert.deepEqual((await repository().list(theirs)).items, []);
        assert.equal((await repository().find(tenantId, id))?.state, 'provisioning');
      },
    },
    {
      name: 'lists the instances of a tenant or of one workload page by page, oldest first',
      run: async () => {
        const tenantId = newId('tenant');
        const workloadId = newId('workload');
        const labels = { [LABELS.workload]: workloadId };
        const all = [];
        for (let n = 0; n < 3; n++) all.push(await insert(tenantId, { labels }), await insert(tenantId));
        await insert(newId('tenant'), { labels });
        await assertPages((query) => repository().list(tenantId, query), all);
        await assertPages(
          (query) => repository().list(tenantId, { ...query, workloadId }),
          all.filter((instance) => instance.workloadId === workloadId),
        );
      },
    },
    {
      name: 'changes what it is told to and leaves the rest',
      run: async () => {
        const before = await insert(newId('tenant'));
        const endpoints = [{ name: 'http', host: '127.0.0.1', port: 8080 }];
        const running = { state: 'running', endpoints, ref: '4711' } as const;
        const after = await repository().change(before.tenantId, before.id, running);
        assert.ok(after && after.updatedAt >= before.updatedAt);
        assert.deepEqual(after, { ...before, ...running, updatedAt: after.updatedAt });
        assert.deepEqual(await repository().find(before.tenantId, before.id), after);

        const cleared = await repository().change(before.tenantId, before.id, { ref: null });
        assert.equal(cleared?.ref, undefined);
        assert.deepEqual(cleared?.endpoints, endpoints);
      },
    },
    {
      name: 'changes an instance only from the states it is told',
      run: async () => {
        const { id, tenantId } = await insert(newId('tenant'));
        assert.equal(await repository().change(tenantId, id, { state: 'failed' }, ['running']), undefined);
        const change = () => repository().change(tenantId, id, { state: 'running' }, ['provisioning']);
        const changed = await Promise.all([change(), change()]);
        assert.equal(changed.filter(Boolean).length, 1);
      },
    },
    {
      name: 'tells the one that removed an instance from the one that came too late',
      run: async () => {
        const { id, tenantId } = await insert(newId('tenant'));
        const removed = await Promise.all([
          repository().delete(tenantId, id),
          repository().delete(tenantId, id),
        ]);
        assert.deepEqual(removed.toSorted(), [false, true]);
        assert.equal(await repository().find(tenantId, id), undefined);
      },
    },
    {
      name: 'refuses a malformed id',
      run: async () => {
        const tenantId = newId('tenant');
        await assert.rejects(repository().find(tenantId, `inst_' OR '1'='1` as InstanceId), InvalidIdError);
        await assert.rejects(repository().delete('x' as TenantId, newId('instance')), InvalidIdError);
        await assert.rejects(repository().list(tenantId, { workloadId: 'x' as WorkloadId }), InvalidIdError);
        await assert.rejects(insert('x' as TenantId), InvalidIdError);
      },
    },
  ];
}
