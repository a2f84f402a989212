import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { contract, type ContractCase } from '../../../core/testing/contract-case.js';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { type InstanceState } from '../../instances/instance.js';
import { type InstanceSpec } from '../../providers/provider.js';
import { specHash } from '../../providers/spec-hash.js';
import { type DriftPolicy } from '../../workloads/workload.js';
import { type DriftRepository } from './drift.repository.js';

/** An instance that a case needs. */
export interface SeededDriftInstance {
  provider: string;
  /** Absent: from before stores had identities. */
  store?: string;
  state?: InstanceState;
  spec?: InstanceSpec;
  /** Whether its row names the hash of its spec. Default true. */
  hashed?: boolean;
  /** Milliseconds until it may be tried again. */
  wait?: number;
  /** Milliseconds since something was asked for. */
  requested?: number;
  workloadId?: WorkloadId;
}

/** A repository, and how a case puts rows where it looks for them. Rows of other tests may be there too. */
export interface DriftRepositorySetup {
  repository: DriftRepository;
  addInstance(instance: SeededDriftInstance): Promise<InstanceId>;
  addWorkload(workload: {
    tenantId: TenantId;
    replicas: number;
    driftPolicy?: DriftPolicy;
    deleting?: boolean;
  }): Promise<WorkloadId>;
  /** Sets that the store was seen this many milliseconds ago, and has no holder. */
  ageStore(store: string, age: number): Promise<void>;
}

const HOUR = 3_600_000;
const SPEC: InstanceSpec = { command: ['true'], env: { A: 'ä' } };

/** What every `DriftRepository` keeps. `setup` is called by each case; one repository may serve them all. */
export function driftRepositoryContract(setup: () => DriftRepositorySetup): ContractCase[] {
  const place = () => ({ provider: `p-${randomUUID()}`, store: `s-${randomUUID()}` });

  return contract(setup, {
    'counts what workloads ask for and have no row of, whatever others have too many of': async ({
      repository,
      addInstance,
      addWorkload,
    }) => {
      const before = await repository.unmadeAcrossTenants();
      const tenantId = newId('tenant');
      const workloadId = await addWorkload({ tenantId, replicas: 3 });
      const crowded = await addWorkload({ tenantId, replicas: 0 });
      await addInstance({ ...place(), workloadId });
      await addInstance({ ...place(), workloadId, state: 'destroying' });
      await addInstance({ ...place(), workloadId: crowded });
      assert.equal((await repository.unmadeAcrossTenants()) - before, 2);
    },
    'gives all rows of one store, as much of each as a comparison needs': async ({
      repository,
      addInstance,
    }) => {
      const [here, elsewhere] = [place(), place()];
      await addInstance({ ...elsewhere, spec: SPEC });
      const plain = await addInstance({ ...here, state: 'running', spec: SPEC });
      const waiting = await addInstance({ ...here, state: 'failed', spec: SPEC, wait: HOUR });
      const rows = new Map((await repository.rowsAcrossTenants(here.store)).map((row) => [row.id, row]));
      assert.deepEqual([...rows.keys()].sort(), [plain, waiting].sort());
      assert.deepEqual(rows.get(plain), {
        id: plain,
        state: 'running',
        desiredState: 'running',
        specHash: specHash(SPEC),
        restartRequested: false,
        unsettled: false,
        wait: 0,
      });
      const { wait } = rows.get(waiting)!;
      assert.ok(wait > HOUR - 60_000 && wait <= HOUR + 1_000, `${wait}`);
    },
    'takes the hash from the spec where the row has none, and no wait that is over': async ({
      repository,
      addInstance,
    }) => {
      const here = place();
      await addInstance({ ...here, spec: SPEC, hashed: false, wait: -HOUR });
      const [row] = await repository.rowsAcrossTenants(here.store);
      assert.deepEqual([row?.specHash, row?.wait], [specHash(SPEC), 0]);
    },
    'calls a row unsettled while a request waits': async ({ repository, addInstance }) => {
      const here = place();
      await addInstance({ ...here, requested: 1 });
      assert.equal((await repository.rowsAcrossTenants(here.store))[0]?.unsettled, true);
    },
    'lets one holder at a time hold a store, and says for how long': async ({ repository }) => {
      const { provider, store } = place();
      const [one, two] = [randomUUID(), randomUUID()];
      assert.equal(await repository.seenAcrossTenants(store), undefined);
      assert.equal(await repository.hold(store, provider, one, HOUR), 0);
      assert.ok((await repository.seenAcrossTenants(store)) instanceof Date);
      assert.equal(await repository.hold(store, provider, one, HOUR), 0, 'once more');
      const left = await repository.hold(store, provider, two, HOUR);
      assert.ok(left > HOUR - 60_000 && left <= HOUR + 1_000, `${left}`);
      await repository.release(two);
      assert.ok(await repository.hold(store, provider, two, HOUR), 'who holds nothing releases nothing');
      await repository.release(one);
      assert.equal(await repository.hold(store, provider, two, HOUR), 0);
    },
    'lets one of several take a store that nobody holds any more': async ({ repository, ageStore }) => {
      const { provider, store } = place();
      await repository.hold(store, provider, randomUUID(), HOUR);
      await ageStore(store, HOUR);
      const taken = await Promise.all(
        Array.from({ length: 5 }, () => repository.hold(store, provider, randomUUID(), HOUR)),
      );
      assert.equal(taken.filter((left) => left === 0).length, 1);
    },
    'gives rows without a store to the one that lists them, and all of them to the only one': async ({
      repository,
      addInstance,
    }) => {
      const { provider, store } = place();
      const listed = await addInstance({ provider });
      const lost = await addInstance({ provider });
      const theirs = await addInstance({ provider: place().provider });
      assert.equal(await repository.hasUnplacedAcrossTenants(provider), true);
      const other = place().store;
      await repository.hold(other, provider, other, HOUR);
      assert.equal(await repository.adoptAcrossTenants(store, provider, [listed, theirs]), 1);
      assert.deepEqual(
        (await repository.rowsAcrossTenants(store)).map(({ id }) => id),
        [listed],
      );
      assert.equal(await repository.adoptAcrossTenants(other, provider, []), 1);
      assert.deepEqual(
        (await repository.rowsAcrossTenants(other)).map(({ id }) => id),
        [lost],
      );
      assert.equal(await repository.hasUnplacedAcrossTenants(provider), false);
    },
    'says what is to become of drifting instances of each workload that there is': async ({
      repository,
      addWorkload,
    }) => {
      const tenantId = newId('tenant');
      const marked = await addWorkload({ tenantId, replicas: 0, driftPolicy: 'mark' });
      const plain = await addWorkload({ tenantId, replicas: 0 });
      const policies = await repository.policiesAcrossTenants([marked, plain, newId('workload')]);
      assert.deepEqual(
        policies,
        new Map([
          [marked, 'mark'],
          [plain, 'restart'],
        ]),
      );
      assert.deepEqual(await repository.policiesAcrossTenants([]), new Map());
    },
    'finds workloads that are being removed, or have another number of instances': async ({
      repository,
      addInstance,
      addWorkload,
    }) => {
      const tenantId = newId('tenant');
      const here = place();
      const good = await addWorkload({ tenantId, replicas: 1 });
      await addInstance({ ...here, workloadId: good });
      const short = await addWorkload({ tenantId, replicas: 1 });
      const many = await addWorkload({ tenantId, replicas: 0 });
      await addInstance({ ...here, workloadId: many });
      const leaving = await addWorkload({ tenantId, replicas: 1 });
      await addInstance({ ...here, workloadId: leaving, state: 'destroying' });
      const deleting = await addWorkload({ tenantId, replicas: 0, deleting: true });
      const found = (await repository.unconvergedAcrossTenants()).filter(
        (each) => each.tenantId === tenantId,
      );
      assert.deepEqual(found.map(({ id }) => id).sort(), [short, many, leaving, deleting].sort());
      assert.equal(found.find(({ id }) => id === deleting)?.deletionReason, 'requested');
      assert.equal(found.find(({ id }) => id === short)?.deletionReason, undefined);
    },
    'finds requests in stores that nobody was seen to reach, and no others': async ({
      repository,
      addInstance,
      ageStore,
    }) => {
      const [away, seen] = [place(), place()];
      for (const { store, provider } of [away, seen]) await repository.hold(store, provider, store, 1);
      const waiting = await addInstance({ ...away, requested: 2 * HOUR });
      const fresh = await addInstance({ ...away, requested: 1 });
      const reached = await addInstance({ ...seen, requested: 2 * HOUR });
      await ageStore(away.store, 2 * HOUR);
      const found = await repository.waitingAcrossTenants(HOUR);
      const own = found.filter(({ id }) => [waiting, fresh, reached].includes(id));
      assert.deepEqual(
        own.map(({ id }) => id),
        [waiting],
      );
      assert.ok(own[0]!.age >= 2 * HOUR - 1_000);
    },
  });
}
