import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../../core/testing/contract-case.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { type SeededInstance } from '../../brakes/seeded-instance.js';
import { type OrphanCandidate, type OrphanRepository, type SweepLimits } from './orphan.repository.js';

/** A repository, and how a case puts rows where it looks for them, each with its tenant. Rows of other tests may be there too. */
export interface OrphanRepositorySetup {
  repository: OrphanRepository;
  addInstance(instance: SeededInstance): Promise<InstanceId>;
  removeInstance(id: InstanceId): Promise<void>;
  addWorkload(tenantId: TenantId): Promise<WorkloadId>;
  /** Deletes it on purpose, which is recorded. */
  deleteWorkload(id: WorkloadId): Promise<void>;
  removeTenant(id: TenantId): Promise<void>;
}

const HOUR = 3_600_000;
const LIMITS: SweepLimits = { maxInstances: 3, olderThan: HOUR };

/** What every `OrphanRepository` keeps. */
export function orphanRepositoryContract(setup: () => OrphanRepositorySetup): ContractCase[] {
  /** A tenant with n orphans, the first the oldest. */
  async function orphansOf(count: number): Promise<{ tenantId: TenantId; ids: InstanceId[] }> {
    const tenantId = newId('tenant');
    const ids: InstanceId[] = [];
    for (let i = 0; i < count; i++)
      ids.push(await setup().addInstance({ tenantId, workloadId: newId('workload'), age: 10 * HOUR - i }));
    return { tenantId, ids };
  }

  /** One tick as the worker makes it: look, then store where to go on. */
  async function tick(...tenantIds: TenantId[]): Promise<InstanceId[]> {
    const { repository } = setup();
    const page = await repository.sweepAcrossTenants(tenantIds, LIMITS);
    await repository.storePositions(tenantIds, page.positions);
    return page.orphans.map(({ instanceId }) => instanceId);
  }

  return contract(setup, {
    'finds an instance whose workload does not exist, and says what its label says': async ({
      repository,
      addInstance,
    }) => {
      const tenantId = newId('tenant');
      const workloadId = newId('workload');
      const instanceId = await addInstance({ tenantId, workloadId, age: 2 * HOUR });
      const guarded = await addInstance({
        tenantId,
        workloadId: 'anything',
        age: 2 * HOUR - 1,
        protected: true,
      });
      assert.deepEqual(await repository.sweepAcrossTenants([tenantId], LIMITS), {
        visited: { [tenantId]: 2 },
        orphans: [
          { tenantId, instanceId, workloadId, cause: 'lost_workload', protected: false },
          {
            tenantId,
            instanceId: guarded,
            workloadId: 'anything',
            cause: 'lost_workload',
            protected: true,
          },
        ],
        positions: [],
      });
    },
    'finds none whose workload exists, that has no workload, or that is too young': async ({
      repository,
      addInstance,
      addWorkload,
    }) => {
      const tenantId = newId('tenant');
      await addInstance({ tenantId, workloadId: await addWorkload(tenantId), age: 2 * HOUR });
      await addInstance({ tenantId, workloadId: await addWorkload(newId('tenant')), age: 2 * HOUR });
      await addInstance({ tenantId, age: 2 * HOUR });
      await addInstance({ tenantId, workloadId: newId('workload'), age: HOUR - 60_000 });
      const page = await repository.sweepAcrossTenants([tenantId], { ...LIMITS, maxInstances: 10 });
      assert.deepEqual(page, { visited: { [tenantId]: 3 }, orphans: [], positions: [] });
    },
    'visits every instance within ceil(instances / limit) ticks, oldest first, then begins again':
      async () => {
        const { tenantId, ids } = await orphansOf(7);
        assert.deepEqual(await tick(tenantId), ids.slice(0, 3));
        assert.deepEqual(await tick(tenantId), ids.slice(3, 6));
        assert.deepEqual(await tick(tenantId), ids.slice(6));
        assert.deepEqual(await tick(tenantId), ids.slice(0, 3));
      },
    'wastes no tick when the limit divides the number of instances': async () => {
      const { tenantId, ids } = await orphansOf(6);
      for (const expected of [ids.slice(0, 3), ids.slice(3), ids.slice(0, 3), ids.slice(3)])
        assert.deepEqual(await tick(tenantId), expected);
    },
    'goes on where it was when instances before and behind that place go': async ({ removeInstance }) => {
      const { tenantId, ids } = await orphansOf(8);
      await tick(tenantId);
      for (const gone of [ids[1]!, ids[2]!, ids[4]!]) await removeInstance(gone);
      assert.deepEqual(await tick(tenantId), [ids[3], ids[5], ids[6]]);
      assert.deepEqual(await tick(tenantId), [ids[7]]);
      assert.deepEqual(await tick(tenantId), [ids[0], ids[3], ids[5]]);
    },
    'keeps a place for each tenant by itself': async () => {
      const [large, small] = [await orphansOf(5), await orphansOf(2)];
      const both = async () => new Set(await tick(large.tenantId, small.tenantId));
      assert.deepEqual(await both(), new Set([...large.ids.slice(0, 3), ...small.ids]));
      assert.deepEqual(await both(), new Set([...large.ids.slice(3), ...small.ids]));
    },
    'looks at the same instances again when no place was stored, as after a crash': async ({
      repository,
    }) => {
      const { tenantId, ids } = await orphansOf(5);
      await repository.sweepAcrossTenants([tenantId], LIMITS);
      assert.deepEqual(await tick(tenantId), ids.slice(0, 3));
    },
    'lists every tenant that has an instance once, whether or not there is such a tenant': async ({
      repository,
    }) => {
      const made = await Promise.all([orphansOf(2), orphansOf(1), orphansOf(1)]);
      const seen: TenantId[] = [];
      for await (const page of repository.tenantsAcrossTenants(2)) {
        assert.ok(page.length > 0 && page.length <= 2);
        seen.push(...page);
      }
      assert.deepEqual(seen, [...new Set(seen)].sort());
      for (const { tenantId } of made) assert.ok(seen.includes(tenantId));
    },
    'tells a workload that was deleted from one that is lost': async ({
      repository,
      addInstance,
      addWorkload,
      deleteWorkload,
    }) => {
      const tenantId = newId('tenant');
      const workloadId = await addWorkload(tenantId);
      await addWorkload(tenantId);
      await addInstance({ tenantId, workloadId, age: 3 * HOUR });
      await addInstance({ tenantId, workloadId: newId('workload'), age: 2 * HOUR });
      await deleteWorkload(workloadId);
      const { orphans } = await repository.sweepAcrossTenants([tenantId], LIMITS);
      assert.deepEqual(
        orphans.map(({ cause }) => cause),
        ['deleted_workload', 'lost_workload'],
      );
      await repository.forgetDeletionsAcrossTenants(-HOUR);
      const later = await repository.sweepAcrossTenants([tenantId], LIMITS);
      assert.deepEqual(
        later.orphans.map(({ cause }) => cause),
        ['lost_workload', 'lost_workload'],
      );
    },
    'finds every instance of a tenant that is gone, with or without a workload, and what it leaves at last':
      async ({ repository, addInstance, removeInstance, addWorkload, removeTenant }) => {
        const tenantId = newId('tenant');
        const workloadId = await addWorkload(tenantId);
        const ids = [
          await addInstance({ tenantId, workloadId, age: 4 * HOUR }),
          await addInstance({ tenantId, age: 3 * HOUR }),
          await addInstance({ tenantId, workloadId: newId('workload'), age: 2 * HOUR }),
        ];
        assert.deepEqual(await repository.deleteWorkloadsOfLostTenant(tenantId), [], 'while it is there');
        await removeTenant(tenantId);
        const { orphans } = await repository.sweepAcrossTenants([tenantId], LIMITS);
        assert.deepEqual(
          orphans.map(({ instanceId, cause }) => ({ instanceId, cause })),
          ids.map((instanceId) => ({ instanceId, cause: 'lost_tenant' })),
        );
        const empty = async () => {
          const listed = (await repository.emptyDeletedTenantsAcrossTenants(-HOUR)).includes(tenantId);
          assert.equal(await repository.holdEmptyDeletedTenant(tenantId), listed, 'asked of it alone');
          return listed;
        };
        assert.equal(await empty(), false, 'with instances');
        for (const orphan of orphans) assert.equal(await repository.claim(orphan), true);
        for (const id of ids) await removeInstance(id);
        assert.equal(await empty(), true);
        assert.deepEqual(await repository.deleteWorkloadsOfLostTenant(tenantId), [workloadId]);
        assert.equal(await empty(), false, 'with nothing left');
      },
    ...Object.fromEntries(
      (['isOrphan', 'claim'] as const).map((method) => [
        `${method === 'claim' ? 'claims a candidate exactly if' : 'says of a candidate whether'} it still is one`,
        async ({ repository, addInstance, addWorkload, removeInstance }: OrphanRepositorySetup) => {
          const tenantId = newId('tenant');
          const age = 2 * HOUR;
          const holds = (candidate: OrphanCandidate): Promise<boolean> => repository[method](candidate);
          const candidate = async (workloadId: string, guarded = false) => ({
            tenantId,
            workloadId,
            instanceId: await addInstance({ tenantId, workloadId, age, protected: guarded }),
            cause: 'lost_workload' as const,
            protected: false,
          });
          const orphan = await candidate(newId('workload'));
          assert.equal(await holds({ ...orphan, workloadId: newId('workload') }), false, 'another label');
          assert.equal(await holds(await candidate(await addWorkload(tenantId))), false, 'a workload');
          assert.equal(await holds(await candidate(newId('workload'), true)), false, 'protected');
          assert.equal(await holds(orphan), true);
          assert.equal(await holds(orphan), true, 'once more, as after a crash');
          await removeInstance(orphan.instanceId);
          assert.equal(await holds(orphan), false, 'gone');
        },
      ]),
    ),
  });
}
