import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { LABELS } from '../providers/provider.js';
import { specHash } from '../providers/spec-hash.js';
import { assertPages } from '../testing/assert-pages.js';
import { type InstanceChange, type NewInstance } from './instance.js';
import { type InstanceRepository } from './instance.repository.js';

/** What every `InstanceRepository` keeps. `setup` is called by each case; one may serve them all. */
export function instanceRepositoryContract(setup: () => InstanceRepository): ContractCase[] {
  const insert = (tenantId: TenantId, instance: Partial<NewInstance> = {}) =>
    setup().insert(tenantId, {
      id: newId('instance'),
      name: 'web',
      provider: 'process',
      labels: {},
      spec: { command: ['true'] },
      ...instance,
    });

  return contract(setup, {
    'restores an instance whose row is lost once, and none that was deleted': async (repository) => {
      const tenantId = newId('tenant');
      const lost = {
        id: newId('instance'),
        name: 'web',
        provider: 'process',
        providerStore: 'proc_1',
        labels: { [LABELS.workload]: newId('workload') },
        spec: { command: ['true'] },
        desiredState: 'stopped' as const,
      };
      const deleted = await insert(tenantId);
      await repository.change(tenantId, deleted.id, { state: 'destroying' });
      await repository.delete(tenantId, deleted.id);
      const { id: present } = await insert(tenantId);
      assert.deepEqual(await repository.lostAcrossTenants([present, deleted.id, lost.id]), [lost.id]);
      assert.deepEqual(await repository.lostAcrossTenants([]), []);
      const restored = await repository.restore(tenantId, lost);
      assert.deepEqual(await repository.find(tenantId, lost.id), restored);
      assert.deepEqual({ ...restored, ...lost, state: 'provisioning' }, restored);
      assert.equal(restored?.specHash, specHash(lost.spec));
      assert.equal(await repository.restore(tenantId, lost), undefined, 'once more');
      const { name, provider, labels, spec } = deleted;
      const again = { id: deleted.id, name, provider, labels, spec, desiredState: 'running' as const };
      assert.equal(await repository.restore(tenantId, again), undefined, 'deleted');
      assert.deepEqual(await repository.lostAcrossTenants([lost.id]), []);
    },
    'gives back every field as it was stored, in the state provisioning': async (repository) => {
      const tenantId = newId('tenant');
      const workloadId = newId('workload');
      const given: NewInstance = {
        id: newId('instance'),
        name: 'web',
        provider: 'process',
        providerStore: 'proc_1',
        labels: { [LABELS.workload]: workloadId, team: 'x' },
        spec: { command: ['node', 'a b'], env: { A: `"it's"` }, ports: [{ name: 'http', env: 'PORT' }] },
      };
      const instance = await insert(tenantId, given);
      const { createdAt, updatedAt, stateSince, ...rest } = instance;
      assert.deepEqual(rest, {
        tenantId,
        ...given,
        workloadId,
        state: 'provisioning',
        desiredState: 'running',
        specHash: specHash(given.spec),
        endpoints: [],
        ref: undefined,
        reason: undefined,
        lastError: undefined,
        exitCode: undefined,
        logTail: undefined,
        attempts: 0,
        nextAttemptAt: undefined,
        requestedAt: undefined,
        restartRequested: false,
        deletionReason: undefined,
      });
      assert.ok(Math.abs(stateSince.getTime() - Date.now()) < 60_000);
      assert.ok(Math.abs(createdAt.getTime() - Date.now()) < 60_000);
      assert.ok(updatedAt >= createdAt);
      assert.deepEqual(await repository.find(tenantId, instance.id), instance);
    },
    'shows nothing to another tenant': async (repository) => {
      const theirs = newId('tenant');
      const { id, tenantId } = await insert(newId('tenant'));
      assert.equal(await repository.find(theirs, id), undefined);
      assert.equal(await repository.change(theirs, id, { state: 'failed' }), undefined);
      assert.equal(await repository.delete(theirs, id), false);
      assert.deepEqual((await repository.list(theirs)).items, []);
      assert.equal((await repository.find(tenantId, id))?.state, 'provisioning');
    },
    'lists the instances of a tenant or of one workload page by page, oldest first': async (repository) => {
      const tenantId = newId('tenant');
      const workloadId = newId('workload');
      const labels = { [LABELS.workload]: workloadId };
      const all = [];
      for (let n = 0; n < 3; n++) all.push(await insert(tenantId, { labels }), await insert(tenantId));
      await insert(newId('tenant'), { labels });
      await assertPages((query) => repository.list(tenantId, query), all);
      await assertPages(
        (query) => repository.list(tenantId, { ...query, workloadId }),
        all.filter((instance) => instance.workloadId === workloadId),
      );
    },
    'changes what it is told to and leaves the rest': async (repository) => {
      const before = await insert(newId('tenant'));
      const endpoints = [{ name: 'http', host: '127.0.0.1', port: 8080 }];
      const running = { state: 'running', endpoints, ref: '4711' } as const;
      const after = await repository.change(before.tenantId, before.id, running);
      assert.ok(after && after.updatedAt >= before.updatedAt);
      assert.deepEqual(after, {
        ...before,
        ...running,
        updatedAt: after.updatedAt,
        stateSince: after.stateSince,
      });
      assert.deepEqual(await repository.find(before.tenantId, before.id), after);

      const cleared = await repository.change(before.tenantId, before.id, { ref: null });
      assert.equal(cleared?.ref, undefined);
      assert.deepEqual(cleared?.endpoints, endpoints);
    },
    'changes an instance only from the states it is told': async (repository) => {
      const { id, tenantId } = await insert(newId('tenant'));
      assert.equal(await repository.change(tenantId, id, { state: 'failed' }, ['running']), undefined);
      const change = () => repository.change(tenantId, id, { state: 'running' }, ['provisioning']);
      const changed = await Promise.all([change(), change()]);
      assert.equal(changed.filter(Boolean).length, 1);
    },
    'changes an instance only if it still is as it was seen': async (repository) => {
      const seen = await insert(newId('tenant'));
      const attempt = () =>
        repository.change(seen.tenantId, seen.id, { attempts: seen.attempts + 1 }, undefined, {
          state: seen.state,
          attempts: seen.attempts,
          specHash: seen.specHash,
        });
      const changed = await Promise.all([attempt(), attempt(), attempt()]);
      assert.equal(changed.filter(Boolean).length, 1);
      assert.equal((await repository.find(seen.tenantId, seen.id))?.attempts, 1);
      const otherwise = { desiredState: 'stopped', state: 'provisioning' } as const;
      assert.equal(
        await repository.change(seen.tenantId, seen.id, { attempts: 7 }, undefined, otherwise),
        undefined,
      );
      const refer = (from: string | null, ref: string | null) =>
        repository.change(seen.tenantId, seen.id, { ref }, undefined, { ref: from });
      assert.equal(await refer('one', 'two'), undefined);
      assert.equal((await refer(null, 'one'))?.ref, 'one');
      assert.equal(await refer(null, 'two'), undefined);
      assert.equal((await refer('one', null))?.ref, undefined);
    },
    'keeps since when a state is, and since when a change waits': async (repository) => {
      const { id, tenantId, stateSince } = await insert(newId('tenant'));
      const change = async (what: InstanceChange) => (await repository.change(tenantId, id, what))!;
      const first = await change({ state: 'running', requested: true });
      assert.ok(first.stateSince >= stateSince && first.requestedAt);
      const again = await change({ state: 'running', requested: true });
      assert.deepEqual([again.stateSince, again.requestedAt], [first.stateSince, first.requestedAt]);
      const renewed = await change({ state: 'running', renewed: true, requested: false });
      assert.ok(renewed.stateSince >= first.stateSince);
      assert.equal(renewed.requestedAt, undefined);
    },
    'says by its own clock when the next attempt is, and has the hash of another spec': async (
      repository,
    ) => {
      const { id, tenantId } = await insert(newId('tenant'));
      const spec = { command: ['false'] };
      const later = await repository.change(tenantId, id, { nextAttemptIn: 3_600_000, spec });
      assert.equal(later?.specHash, specHash(spec));
      const wait = Number(later?.nextAttemptAt) - Number(later?.updatedAt);
      assert.ok(Math.abs(wait - 3_600_000) < 5_000, `${wait} ms`);
      const cleared = await repository.change(tenantId, id, { nextAttemptIn: null });
      assert.equal(cleared?.nextAttemptAt, undefined);
    },
    'finds several of several tenants by their ids': async (repository) => {
      const [one, two] = [await insert(newId('tenant')), await insert(newId('tenant'))];
      const found = await repository.findAllAcrossTenants([one.id, newId('instance'), two.id]);
      assert.deepEqual(new Set(found.map(({ id }) => id)), new Set([one.id, two.id]));
      assert.deepEqual(await repository.findAllAcrossTenants([]), []);
    },
    'tells the one that removed an instance from the one that came too late': async (repository) => {
      const { id, tenantId } = await insert(newId('tenant'));
      const removed = await Promise.all([repository.delete(tenantId, id), repository.delete(tenantId, id)]);
      assert.deepEqual(removed.toSorted(), [false, true]);
      assert.equal(await repository.find(tenantId, id), undefined);
    },
    'tells those that were deleted from those that nobody knows': async (repository) => {
      const tenantId = newId('tenant');
      const [kept, gone, unknown] = [await insert(tenantId), await insert(tenantId), newId('instance')];
      await repository.delete(tenantId, gone.id);
      const ids = [kept.id, gone.id, unknown];
      assert.deepEqual(await repository.deletedAcrossTenants(ids), [gone.id]);
      assert.deepEqual(await repository.lostAcrossTenants(ids), [unknown]);
      assert.deepEqual(await repository.deletedAcrossTenants([]), []);
    },
    'refuses a malformed id': async (repository) => {
      const tenantId = newId('tenant');
      await assert.rejects(repository.find(tenantId, `inst_' OR '1'='1` as InstanceId), InvalidIdError);
      await assert.rejects(repository.delete('x' as TenantId, newId('instance')), InvalidIdError);
      await assert.rejects(repository.list(tenantId, { workloadId: 'x' as WorkloadId }), InvalidIdError);
      await assert.rejects(insert('x' as TenantId), InvalidIdError);
    },
  });
}
