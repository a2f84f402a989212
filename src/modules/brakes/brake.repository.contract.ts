import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Brake } from './brake.js';
import { type BrakeRepository } from './brake.repository.js';
import { type SeededInstance } from './seeded-instance.js';

/** A repository, and how a case puts rows where it looks for them. Rows of other tests may be there too. */
export interface BrakeRepositorySetup {
  repository: BrakeRepository;
  addInstance(instance: SeededInstance): Promise<InstanceId>;
  removeInstance(id: InstanceId): Promise<void>;
  /** @param id default a new one */
  addWorkload(tenantId: TenantId, id?: WorkloadId): Promise<WorkloadId>;
}

const HOUR = 3_600_000;
/** A set that was the same for that long is not confirmed by a look; with `AT_ONCE` the second look confirms it. */
const LATER = { olderThan: HOUR, confirmAfter: 10 * HOUR };
// Not 0: times in rows are rounded to milliseconds, upwards too.
const AT_ONCE = { olderThan: HOUR, confirmAfter: -1 };

function assertHas(brake: Brake | undefined, expected: Partial<Brake>): void {
  assert.deepEqual({ ...brake, ...expected }, brake);
}

/** What every `BrakeRepository` keeps. */
export function brakeRepositoryContract(setup: () => BrakeRepositorySetup): ContractCase[] {
  const orphan = (tenantId: TenantId, workloadId: WorkloadId, more: Partial<SeededInstance> = {}) =>
    setup().addInstance({ tenantId, workloadId, age: 2 * HOUR, ...more });

  /** A tenant with n orphans of one workload, and its brake. */
  async function braked(count = 3) {
    const { repository } = setup();
    const tenantId = newId('tenant');
    const workloadId = newId('workload');
    const ids: InstanceId[] = [];
    for (let i = 0; i < count; i++) ids.push(await orphan(tenantId, workloadId));
    const brake = await repository.engage(tenantId, 'tenant', HOUR);
    assert.ok(brake);
    return { repository, tenantId, workloadId, ids: ids.sort(), brake };
  }
  const setOf = async (repository: BrakeRepository, tenantId: TenantId): Promise<InstanceId[]> => {
    const { items } = await repository.instances(tenantId, { limit: 1_000 });
    return items.map(({ instanceId }) => instanceId);
  };

  return contract(setup, {
    'engages once, on all that is orphaned and old enough, and on nothing that is protected': async ({
      repository,
      addInstance,
      addWorkload,
    }) => {
      const tenantId = newId('tenant');
      const lost = newId('workload');
      const orphans = [await orphan(tenantId, lost), await orphan(tenantId, lost)].sort();
      await orphan(tenantId, lost, { protected: true });
      await orphan(tenantId, lost, { age: HOUR - 60_000 });
      await addInstance({ tenantId, workloadId: await addWorkload(tenantId), age: 2 * HOUR });
      await addInstance({ tenantId, age: 2 * HOUR });
      await addInstance({ tenantId, workloadId: 'no-id', age: 2 * HOUR });
      await orphan(newId('tenant'), lost);
      const brake = await repository.engage(tenantId, 'all_tenants', HOUR);
      assertHas(brake, { tenantId, state: 'engaged', cause: 'all_tenants', orphans: 2 });
      assert.deepEqual(await repository.instances(tenantId), {
        items: orphans.map((instanceId) => ({ instanceId, workloadId: lost })),
        next: undefined,
      });
      assert.equal(await repository.engage(tenantId, 'tenant', HOUR), undefined, 'a second time');
      assert.deepEqual(await repository.find(tenantId), brake);
    },
    'engages on nothing where nothing is orphaned, and leaves no brake behind': async ({ repository }) => {
      const tenantId = newId('tenant');
      assert.equal(await repository.engage(tenantId, 'tenant', HOUR), undefined);
      assert.equal(await repository.find(tenantId), undefined);
      assert.deepEqual(await repository.observe(tenantId, LATER), {});
      assert.equal(await repository.remove(tenantId), false);
    },
    'counts the share over the whole of a tenant, protected ones included': async ({
      repository,
      addInstance,
      addWorkload,
    }) => {
      const tenantId = newId('tenant');
      await orphan(tenantId, newId('workload'));
      await orphan(tenantId, newId('workload'), { protected: true });
      await orphan(tenantId, newId('workload'), { age: HOUR - 60_000 });
      await addInstance({ tenantId, workloadId: await addWorkload(tenantId), age: 2 * HOUR });
      assert.deepEqual(await repository.share(tenantId, HOUR), { examined: 3, orphaned: 2 });
      assert.deepEqual(await repository.share(newId('tenant'), HOUR), { examined: 0, orphaned: 0 });
    },
    'knows whether there is any workload': async ({ repository, addWorkload }) => {
      await addWorkload(newId('tenant'));
      assert.equal(await repository.hasWorkloadsAcrossTenants(), true);
    },
    'confirms a set that was the same for long enough, and says so once': async () => {
      const { repository, tenantId, brake } = await braked();
      const early = await repository.observe(tenantId, LATER);
      assert.equal(early.released, undefined);
      assertHas(early.brake, { state: 'engaged', set: brake.set });
      assert.deepEqual(early.brake?.seenSince, brake.seenSince);
      const late = await repository.observe(tenantId, AT_ONCE);
      assert.equal(late.released, 'confirmed');
      assertHas(late.brake, { state: 'confirmed', set: brake.set });
      assert.equal((await repository.observe(tenantId, AT_ONCE)).released, undefined, 'a second time');
    },
    'begins anew with every other set': async ({ removeInstance }) => {
      const { repository, tenantId, workloadId, ids, brake } = await braked();
      await removeInstance(ids[0]!);
      const smaller = await repository.observe(tenantId, AT_ONCE);
      assert.equal(smaller.brake?.state, 'engaged');
      assert.notEqual(smaller.brake?.set, brake.set);
      const more = await orphan(tenantId, workloadId);
      const larger = await repository.observe(tenantId, AT_ONCE);
      assert.equal(larger.brake?.state, 'engaged');
      assert.deepEqual(await setOf(repository, tenantId), [ids[1], ids[2], more].sort());
      assert.equal((await repository.observe(tenantId, AT_ONCE)).released, 'confirmed');
    },
    'takes nothing into a set that is confirmed, which goes with the last of it': async ({
      removeInstance,
    }) => {
      const { repository, tenantId, workloadId, ids, brake } = await braked(2);
      assert.equal(
        (await repository.decide(tenantId, brake.set, 'confirmed', 'user:ann'))?.state,
        'confirmed',
      );
      await orphan(tenantId, workloadId);
      await repository.observe(tenantId, LATER);
      assert.deepEqual(await setOf(repository, tenantId), ids);
      for (const id of ids) await removeInstance(id);
      assert.deepEqual(await repository.observe(tenantId, LATER), {});
      assert.equal(await repository.find(tenantId), undefined);
      assert.deepEqual(await setOf(repository, tenantId), []);
    },
    'is over when the workload is back': async ({ addWorkload }) => {
      const { repository, tenantId, workloadId } = await braked();
      await addWorkload(tenantId, workloadId);
      assert.deepEqual(await repository.observe(tenantId, LATER), { released: 'recovered' });
      assert.equal(await repository.find(tenantId), undefined);
    },
    'takes a decision on the very set that was shown, of whoever decides, and no other': async () => {
      const { repository, tenantId, workloadId, brake } = await braked();
      assert.equal(await repository.decide(tenantId, 'another', 'confirmed', 'user:ann'), undefined);
      const refused = await repository.decide(tenantId, brake.set, 'refused', 'user:ann');
      assertHas(refused, { state: 'refused', decidedBy: 'user:ann' });
      assert.equal((await repository.observe(tenantId, AT_ONCE)).brake?.state, 'refused', 'it stays so');
      await orphan(tenantId, workloadId);
      await repository.observe(tenantId, LATER);
      assert.equal(
        await repository.decide(tenantId, brake.set, 'confirmed', 'user:bob'),
        undefined,
        'changed',
      );
      const { set } = (await repository.find(tenantId))!;
      const confirmed = await repository.decide(tenantId, set, 'confirmed', 'user:bob');
      assertHas(confirmed, { state: 'confirmed', decidedBy: 'user:bob', orphans: 4 });
      assert.equal(await repository.decide(newId('tenant'), set, 'refused', 'user:bob'), undefined, 'none');
    },
    'lists brakes by tenant and a set by instance, page by page': async () => {
      const made = [await braked(3), await braked(1), await braked(1)];
      const { repository, tenantId, ids } = made[0]!;
      const seen: InstanceId[] = [];
      for (let after: string | undefined; ;) {
        const page = await repository.instances(tenantId, { limit: 2, ...(after && { after }) });
        seen.push(...page.items.map(({ instanceId }) => instanceId));
        after = page.next;
        if (!after) break;
      }
      assert.deepEqual(seen, ids);
      const tenants: TenantId[] = [];
      for (let after: string | undefined; ;) {
        const page = await repository.listAcrossTenants({ limit: 1, ...(after && { after }) });
        tenants.push(...page.items.map(({ tenantId }) => tenantId));
        after = page.next;
        if (!after) break;
      }
      assert.deepEqual(tenants, [...new Set(tenants)].sort());
      for (const one of made) assert.ok(tenants.includes(one.tenantId));
    },
    'goes when it is removed, with its set, and is made anew': async () => {
      const { repository, tenantId, ids } = await braked(2);
      assert.equal(await repository.remove(tenantId), true);
      assert.equal(await repository.remove(tenantId), false);
      assert.deepEqual(await setOf(repository, tenantId), []);
      assert.equal((await repository.engage(tenantId, 'no_workloads', HOUR))?.cause, 'no_workloads');
      assert.deepEqual(await setOf(repository, tenantId), ids);
    },
    'holds back what a store says that it holds without a row, until it is confirmed or says so no more':
      async ({ repository, addInstance }) => {
        const tenantId = newId('tenant');
        const kept = await addInstance({ tenantId, age: 2 * HOUR });
        const [store, other] = [`store_${newId('instance')}`, `store_${newId('instance')}`];
        const rowless = (workloadId = '') => ({ tenantId, instanceId: newId('instance'), workloadId });
        const [first, second, third] = [rowless(), rowless(newId('workload')), rowless()];
        await repository.noteRowless(store, [first, second, { ...rowless(), instanceId: kept }]);
        await repository.noteRowless(other, [third]);
        const all = [first, second, third];
        assert.deepEqual(await repository.verdictsAcrossTenants(all), new Map());
        const brake = await repository.engage(tenantId, 'lost_rows', HOUR);
        assertHas(brake, { cause: 'lost_rows', orphans: 3, examined: 4 });
        const held = new Map(all.map(({ instanceId }) => [instanceId, 'held']));
        assert.deepEqual(await repository.verdictsAcrossTenants(all), held);
        await repository.noteRowless(other, []);
        const { set } = (await repository.observe(tenantId, LATER)).brake!;
        assert.deepEqual(await setOf(repository, tenantId), [first.instanceId, second.instanceId].sort());
        await repository.decide(tenantId, set, 'confirmed', 'user:ann');
        const verdicts = [...(await repository.verdictsAcrossTenants(all)).values()];
        assert.deepEqual(verdicts.sort(), ['confirmed', 'confirmed', 'held']);
        await repository.noteRowless(store, []);
        assert.deepEqual(await repository.observe(tenantId, LATER), {});
        assert.deepEqual(await repository.verdictsAcrossTenants([]), new Map());
      },
    'knows tenants of whom there is nothing, and confirms nothing of theirs by itself': async ({
      repository,
      addInstance,
    }) => {
      const [known, tenantId] = [newId('tenant'), newId('tenant')];
      await addInstance({ tenantId: known, age: 0 });
      assert.deepEqual(await repository.unknownTenantsAcrossTenants([known, tenantId]), [tenantId]);
      const store = `store_${newId('instance')}`;
      await repository.noteRowless(store, [{ tenantId, instanceId: newId('instance'), workloadId: '' }]);
      const brake = await repository.engage(tenantId, 'unknown_tenant', HOUR);
      assert.equal((await repository.observe(tenantId, AT_ONCE)).brake?.state, 'engaged');
      const decided = await repository.decide(tenantId, brake!.set, 'confirmed', 'user:ann');
      assert.equal(decided?.state, 'confirmed');
    },
    'engages once when several look at the same time, and confirms once': async ({ repository }) => {
      const tenantId = newId('tenant');
      await orphan(tenantId, newId('workload'));
      const looks = Array.from({ length: 5 }, () => repository.engage(tenantId, 'tenant', HOUR));
      assert.equal((await Promise.all(looks)).filter(Boolean).length, 1);
      const seen = await Promise.all(Array.from({ length: 5 }, () => repository.observe(tenantId, AT_ONCE)));
      assert.equal(seen.filter(({ released }) => released === 'confirmed').length, 1);
    },
  });
}
