import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { type HealthCheckId, type InstanceId, newId, type TenantId } from '../ids/typed-id.js';
import { assertPages } from '../testing/assert-pages.js';
import { initialState } from './check-state.js';
import { HealthCheckNameTakenError } from './health-check.errors.js';
import { parseHealthCheck } from './health-check-input.js';
import {
  type HealthCheckRepository,
  type HealthTurn,
  type NewHealthCheck,
} from './health-check.repository.js';

export interface HealthCheckRepositorySetup {
  /** Without any check that is not the suite's own. */
  repository: HealthCheckRepository;
  /** Moves the next turn of the check so far from now, in milliseconds, by the clock of the store. */
  makeDue(id: HealthCheckId, from: number): Promise<void>;
  /** Removes all checks. */
  clear(): Promise<void>;
}

/**
 * What every `HealthCheckRepository` keeps. `setup` is called by each case.
 * @param options `shared`: whether several replicas use it, and one that dies is noticed. Default true.
 */
export function healthCheckRepositoryContract(
  setup: () => HealthCheckRepositorySetup,
  { shared = true }: { shared?: boolean } = {},
): ContractCase[] {
  const settings = (more: object = {}) =>
    parseHealthCheck(
      { name: newId('healthCheck'), probe: { type: 'http', url: 'https://example.com' }, ...more },
      { hasInstance: true, checkers: [] },
    );
  const insert = (tenantId: TenantId = newId('tenant'), more: Partial<NewHealthCheck> = {}) =>
    setup().repository.insert(tenantId, { ...settings(), id: newId('healthCheck'), ...more });
  /** Due now, claimed: the turn. */
  const claimed = async (more: Partial<NewHealthCheck> = {}): Promise<HealthTurn> => {
    const { repository, makeDue } = setup();
    const { id } = await insert(undefined, more);
    await makeDue(id, -10);
    const { turns } = await repository.claimAcrossTenants({ limit: 1, horizon: 0 });
    assert.equal(turns[0]?.checkId, id);
    return turns[0]!;
  };
  const cleared = async (): Promise<HealthCheckRepositorySetup> => {
    await setup().clear();
    return setup();
  };

  /** Claims of the replica `dead`, which is silent from then on, and is noticed. @returns what was taken over */
  const takenOver = async (
    due: number,
    more: Partial<NewHealthCheck> = {},
  ): Promise<[HealthTurn, number]> => {
    const { repository, makeDue } = setup();
    const [dead, living] = [`dead ${newId('event')}`, `living ${newId('event')}`];
    const { id } = await insert(undefined, more);
    await makeDue(id, due);
    await repository.beatAcrossTenants({ replica: dead, silence: 60_000 });
    const { turns } = await repository.claimAcrossTenants({ limit: 1, horizon: '40s', replica: dead });
    for (;;) {
      // The one that lives must have been heard of itself: on a busy machine that may take more than one attempt.
      await repository.beatAcrossTenants({ replica: living, silence: 60_000 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await repository.beatAcrossTenants({ replica: living, silence: 60_000 });
      const { known, takenOver } = await repository.beatAcrossTenants({ replica: living, silence: 15 });
      assert.equal(known, true);
      const { known: isKnown } = await repository.beatAcrossTenants({ replica: dead, silence: 60_000 });
      if (!isKnown) return [turns[0]!, takenOver];
    }
  };
  const betweenReplicas: Record<string, (subject: HealthCheckRepositorySetup) => Promise<void>> = {
    'knows a replica from its first beat until it leaves': async ({ repository }) => {
      const beat = { replica: newId('event'), silence: 60_000 };
      assert.deepEqual(await repository.beatAcrossTenants(beat), { known: false, takenOver: 0 });
      assert.deepEqual(await repository.beatAcrossTenants(beat), { known: true, takenOver: 0 });
      await repository.leaveAcrossTenants(beat.replica);
      assert.equal((await repository.beatAcrossTenants(beat)).known, false);
      await repository.leaveAcrossTenants(beat.replica);
    },
    'gives what a dead replica had claimed to the others: what is still to come at its instant': async ({
      repository,
    }) => {
      const [turn, count] = await takenOver(30_000);
      assert.equal(count, 1);
      const { turns } = await repository.claimAcrossTenants({ limit: 10, horizon: '35s', replica: 'x' });
      assert.deepEqual(
        turns.map(({ checkId, dueAt }) => [checkId, dueAt]),
        [[turn.checkId, turn.dueAt]],
      );
    },
    'gives it at another instant, and soon, if the dead one may have run it': async ({ repository }) => {
      const [turn, count] = await takenOver(-10, { interval: 60_000 });
      assert.equal(count, 1);
      const { turns, now } = await repository.claimAcrossTenants({ limit: 10, horizon: '1s', replica: 'x' });
      assert.equal(turns.length, 1);
      assert.ok(turns[0]!.dueAt > turn.dueAt && turns[0]!.dueAt.getTime() < now.getTime() + 600);
    },
    'takes nothing from a replica that lives, nor for one that nobody has heard of lately': async ({
      repository,
      makeDue,
    }) => {
      const [busy, fresh] = [newId('event'), newId('event')];
      const { id } = await insert();
      await makeDue(id, 2_000);
      await repository.beatAcrossTenants({ replica: busy, silence: 60_000 });
      await repository.claimAcrossTenants({ limit: 1, horizon: '3s', replica: busy });
      await repository.beatAcrossTenants({ replica: fresh, silence: 60_000 });
      assert.equal((await repository.beatAcrossTenants({ replica: fresh, silence: 60_000 })).takenOver, 0);
      // All have been silent for so long, as after an outage of the store.
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal((await repository.beatAcrossTenants({ replica: fresh, silence: 10 })).takenOver, 0);
      assert.equal((await repository.beatAcrossTenants({ replica: busy, silence: 60_000 })).known, true);
    },
  };

  return contract(cleared, {
    ...(shared ? betweenReplicas : {}),
    'keeps a check as it was given': async ({ repository }) => {
      const given = {
        ...settings({ interval: '1m', timeout: '7s', initialDelay: '3s', onUnhealthy: 'restart' }),
      };
      const tenantId = newId('tenant');
      const [id, instanceId] = [newId('healthCheck'), newId('instance')];
      const check = await repository.insert(tenantId, { ...given, id, instanceId });
      const { createdAt, updatedAt, revision, ...rest } = check;
      assert.deepEqual(rest, { ...given, id, instanceId, tenantId });
      assert.equal(revision, 1);
      assert.ok(Math.abs(createdAt.getTime() - Date.now()) < 60_000 && updatedAt instanceof Date);
      assert.deepEqual(await repository.find(tenantId, id), check);
      assert.deepEqual(await repository.findAllAcrossTenants([id, newId('healthCheck')]), [check]);
    },
    'shows a tenant nothing of another': async ({ repository }) => {
      const { id, tenantId } = await insert();
      const stranger = newId('tenant');
      assert.equal(await repository.find(stranger, id), undefined);
      assert.deepEqual((await repository.list(stranger)).items, []);
      assert.equal(await repository.update(stranger, id, 1, settings()), undefined);
      assert.equal(await repository.delete(stranger, id), false);
      assert.equal(await repository.push(stranger, id, { outcome: 'success', message: '' }), false);
      assert.equal(await repository.delete(tenantId, id), true);
      assert.equal(await repository.delete(tenantId, id), false);
    },
    'refuses a name twice for the same instance, and for the tenant': async ({ repository }) => {
      const [tenantId, instanceId] = [newId('tenant'), newId('instance')];
      await insert(tenantId, { name: 'web' });
      await insert(tenantId, { name: 'web', instanceId });
      await insert(newId('tenant'), { name: 'web' });
      await assert.rejects(insert(tenantId, { name: 'web' }), HealthCheckNameTakenError);
      await assert.rejects(insert(tenantId, { name: 'web', instanceId }), HealthCheckNameTakenError);
      const other = await insert(tenantId, { name: 'api' });
      await assert.rejects(
        repository.update(tenantId, other.id, 1, { ...settings(), name: 'web' }),
        HealthCheckNameTakenError,
      );
    },
    'lists the checks of a tenant, or of an instance, page by page': async ({ repository }) => {
      const [tenantId, instanceId] = [newId('tenant'), newId('instance')];
      const all = [];
      for (let n = 0; n < 4; n++) all.push(await insert(tenantId, n % 2 ? { instanceId } : {}));
      const sorted = all.toSorted((a, b) => +a.createdAt - +b.createdAt || (a.id < b.id ? -1 : 1));
      await assertPages((query) => repository.list(tenantId, query), sorted);
      await assertPages(
        (query) => repository.list(tenantId, { instanceId, ...query }),
        sorted.filter((check) => check.instanceId === instanceId),
      );
      assert.equal(await repository.deleteOfInstance(tenantId, instanceId), 2);
      assert.equal((await repository.list(tenantId)).items.length, 2);
    },
    'names the instances that have checks, in the order of their ids': async ({ repository }) => {
      const ids = [newId('instance'), newId('instance'), newId('instance')].toSorted();
      const tenantId = newId('tenant');
      for (const instanceId of [ids[2], ids[0], undefined, ids[1], ids[0]])
        await insert(tenantId, { instanceId });
      const page = (limit: number, after?: InstanceId) => repository.instancesAcrossTenants({ limit, after });
      const expected = ids.map((instanceId) => ({ tenantId, instanceId }));
      assert.deepEqual(await page(10), expected);
      assert.deepEqual(await page(2), expected.slice(0, 2));
      assert.deepEqual(await page(2, ids[1]), expected.slice(2));
      assert.deepEqual(await page(2, ids[2]), []);
    },
    'changes a check of the revision that was seen, and no other': async ({ repository }) => {
      const { id, tenantId } = await insert();
      const changed = settings({ interval: '3s', timeout: '1s' });
      const updated = await repository.update(tenantId, id, 1, changed);
      assert.deepEqual([updated?.revision, updated?.interval, updated?.name], [2, 3_000, changed.name]);
      assert.equal(await repository.update(tenantId, id, 1, settings()), undefined);
    },
    'has a new check due within its first interval after the delay, not all at once': async ({
      repository,
    }) => {
      const made = new Map<string, number>();
      for (let n = 0; n < 20; n++) {
        const { id, createdAt } = await insert(undefined, { initialDelay: 5_000, interval: 10_000 });
        made.set(id, createdAt.getTime());
      }
      const { turns } = await repository.claimAcrossTenants({ limit: 100, horizon: '16s' });
      const waits = turns.map(({ checkId, dueAt }) => dueAt.getTime() - made.get(checkId)!);
      assert.equal(waits.length, 20);
      assert.ok(
        // Counted from within the statement, which a busy machine may hold for a while.
        waits.every((wait) => wait >= 4_999 && wait <= 60_000),
        String(waits),
      );
      assert.ok(Math.max(...waits) - Math.min(...waits) > 1_000);
    },
    'gives a turn to one claim, and moves it by the interval, in step': async ({ repository }) => {
      const { checkId, dueAt, lease, revision, interval, version, state } = await claimed();
      assert.equal(lease.getTime() - dueAt.getTime(), 10_000);
      assert.deepEqual([revision, interval, version, state], [1, 10_000, 0, undefined]);
      assert.ok(checkId);
      assert.deepEqual((await repository.claimAcrossTenants({ limit: 10, horizon: '1s' })).turns, []);
    },
    'stands for several instants of a check that comes several times within the horizon': async ({
      repository,
      makeDue,
    }) => {
      const { id } = await insert(undefined, { interval: 1_000, timeout: 500 });
      await makeDue(id, 200);
      const { turns } = await repository.claimAcrossTenants({ limit: 1, horizon: '3s' });
      assert.equal(turns[0]!.lease.getTime() - turns[0]!.dueAt.getTime(), 3_000);
    },
    'holds a check of a long interval for a lease, until it is settled': async ({ repository }) => {
      const { checkId, lease, dueAt, interval } = await claimed({ interval: 3_600_000, timeout: 5_000 });
      assert.ok(lease.getTime() - dueAt.getTime() < 20_000);
      const next = new Date(dueAt.getTime() + interval);
      assert.deepEqual(
        await repository.settleAcrossTenants([{ checkId, lease, dueAt: next }]),
        new Set([checkId]),
      );
      assert.deepEqual(await repository.settleAcrossTenants([{ checkId, lease, dueAt: next }]), new Set());
      assert.deepEqual((await repository.claimAcrossTenants({ limit: 10, horizon: '60s' })).turns, []);
    },
    'gives out no check that is off or gone': async ({ repository, makeDue }) => {
      const off = await insert(undefined, { enabled: false });
      const gone = await insert();
      await makeDue(off.id, -10);
      await makeDue(gone.id, -10);
      await repository.delete(gone.tenantId, gone.id);
      assert.deepEqual((await repository.claimAcrossTenants({ limit: 10, horizon: 0 })).turns, []);
    },
    'skips what was missed, and spreads what is long overdue': async ({ repository, makeDue }) => {
      const { id } = await insert();
      await makeDue(id, -35_000);
      assert.equal(await repository.spreadAcrossTenants('40s'), 0);
      assert.equal(await repository.spreadAcrossTenants('10s'), 1);
      assert.equal((await repository.claimAcrossTenants({ limit: 10, horizon: '11s' })).turns.length, 1);
      await makeDue(id, -35_000);
      const { turns, now } = await repository.claimAcrossTenants({ limit: 10, horizon: 0 });
      assert.ok(turns[0]!.lease > now);
    },
    'stores a state that is made from the one that is there, and no other': async ({ repository }) => {
      const { checkId, lease, version, revision } = await claimed();
      const state = { ...initialState(5), failures: 1, restarts: [4] };
      assert.deepEqual(
        await repository.storeStatesAcrossTenants([{ checkId, revision, version, lease, state }]),
        new Set([checkId]),
      );
      assert.deepEqual((await repository.statesAcrossTenants([checkId])).get(checkId), {
        state,
        version: version + 1,
        revision,
      });
      const late = { ...state, failures: 2 };
      assert.deepEqual(
        await repository.storeStatesAcrossTenants([{ checkId, revision, version, lease, state: late }]),
        new Set(),
      );
      assert.deepEqual((await repository.statesAcrossTenants([checkId])).get(checkId)?.state, state);
    },
    'stores no state that was made of a check as it was before it was changed': async ({ repository }) => {
      const { checkId, lease, version, revision } = await claimed();
      const [check] = await repository.findAllAcrossTenants([checkId]);
      await repository.update(check!.tenantId, checkId, 1, { ...check!, interval: 20_000 });
      const update = { checkId, version, lease, state: { ...initialState(5), failures: 1 } };
      assert.deepEqual(await repository.storeStatesAcrossTenants([{ ...update, revision }]), new Set());
      const { revision: now } = (await repository.statesAcrossTenants([checkId])).get(checkId)!;
      assert.equal(now, revision + 1);
      const stored = await repository.storeStatesAcrossTenants([{ ...update, revision: now }]);
      assert.deepEqual(stored, new Set([checkId]));
    },
    'tells which of several checks were changed or removed': async ({ repository }) => {
      const [same, changed, removed] = [await insert(), await insert(), await insert()];
      await repository.update(changed.tenantId, changed.id, 1, settings());
      await repository.delete(removed.tenantId, removed.id);
      const seen = [same, changed, removed].map(({ id }) => ({ checkId: id, revision: 1 }));
      assert.deepEqual(await repository.changedAcrossTenants(seen), new Set([changed.id, removed.id]));
      assert.deepEqual(await repository.changedAcrossTenants([]), new Set());
    },
    'changes nothing for a turn whose lease ended long ago': async ({ repository }) => {
      const { checkId, version, revision } = await claimed();
      const lease = new Date(Date.now() - 3_600_000);
      const update = { checkId, revision, version, lease, state: initialState(5) };
      assert.deepEqual(await repository.storeStatesAcrossTenants([update]), new Set());
    },
    'forgets the state of a check that is turned off and on': async ({ repository }) => {
      const { checkId, lease, version, revision } = await claimed();
      await repository.storeStatesAcrossTenants([
        { checkId, revision, version, lease, state: initialState(5) },
      ]);
      const [check] = await repository.findAllAcrossTenants([checkId]);
      const { tenantId } = check!;
      await repository.update(tenantId, checkId, 1, { ...check!, enabled: false });
      assert.equal((await repository.statesAcrossTenants([checkId])).get(checkId)?.state, undefined);
    },
    'tells where the checks of instances stand, without those that are off': async ({ repository }) => {
      const [a, b, other] = [newId('instance'), newId('instance'), newId('instance')];
      const { checkId, lease, version, revision } = await claimed({ name: 'web', instanceId: a });
      const state = initialState(5);
      await repository.storeStatesAcrossTenants([{ checkId, revision, version, lease, state }]);
      await insert(undefined, { name: 'new', instanceId: b });
      await insert(undefined, { name: 'off', instanceId: b, enabled: false });
      await insert(undefined, { instanceId: other });
      const found = await repository.statesOfInstancesAcrossTenants([a, b, newId('instance')]);
      assert.deepEqual(
        new Set(found),
        new Set([
          { instanceId: a, name: 'web', state },
          { instanceId: b, name: 'new', state: undefined },
        ]),
      );
      assert.deepEqual(await repository.statesOfInstancesAcrossTenants([]), []);
    },
    'keeps when the target of a check last called': async ({ repository }) => {
      const { id, tenantId } = await insert();
      const never = await repository.pushState(id);
      assert.equal(never?.last, undefined);
      assert.ok(never!.waiting >= 0 && never!.waiting < 60_000);
      assert.equal(await repository.push(tenantId, id, { outcome: 'degraded', message: 'slow' }), true);
      const { last } = (await repository.pushState(id))!;
      assert.deepEqual([last?.outcome, last?.message], ['degraded', 'slow']);
      assert.ok(last!.age >= 0 && last!.age < 60_000);
      await repository.delete(tenantId, id);
      assert.equal(await repository.pushState(id), undefined);
    },
    'refuses a malformed id before it looks': async ({ repository }) => {
      await assert.rejects(repository.find('ten_x', newId('healthCheck')), InvalidIdError);
      await assert.rejects(repository.find(newId('tenant'), 'chk_x'), InvalidIdError);
      await assert.rejects(repository.list(newId('tenant'), { instanceId: 'inst_x' }), InvalidIdError);
      await assert.rejects(repository.delete(newId('tenant'), 'chk_x'), InvalidIdError);
    },
  });
}
