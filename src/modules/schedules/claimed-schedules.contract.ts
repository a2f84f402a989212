import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import {
  at,
  claims,
  EVERY,
  get,
  HANDLER,
  justPast,
  LEASE,
  ran,
  resultOf,
  scheduled,
  type SetupScheduleStore,
} from './schedule-store-cases.js';
import { type ScheduleClaimOptions } from './schedule.store.js';

/** Of `scheduleStoreContract`: what is handed out, for how long, and what becomes of it. */
export function claimedSchedules(setup: SetupScheduleStore): ContractCase[] {
  return contract(setup, {
    'hands out what is due once, the longest due first, and up to the limit of each handler': async ({
      store,
    }) => {
      const now = await justPast(store);
      await store.upsert([
        ...[3, 1, 2].map((n) => scheduled(`due ${n}`, { turn: at(now - 10_000 + n) })),
        scheduled('later', { turn: at(now + 60_000) }),
        scheduled('due', { handler: 'second', turn: at(now - 1) }),
        scheduled('due', { handler: 'unasked', turn: at(now - 1) }),
      ]);
      const limits = new Map([
        [HANDLER, 2],
        ['second', 2],
      ]);
      const first = await claims(store, { limits });
      assert.deepEqual(first.map(({ handler, key }) => [handler, key]).sort(), [
        [HANDLER, 'due 1'],
        [HANDLER, 'due 2'],
        ['second', 'due'],
      ]);
      assert.deepEqual(
        (await claims(store, { limits })).map(({ key }) => key),
        ['due 3'],
      );
      assert.deepEqual(await claims(store, { limits }), []);
      assert.equal((await get(store, 'due 1')).state, 'running');
    },

    'hands out of each group no more than its share, and none of groups that are left out': async ({
      store,
    }) => {
      const now = await justPast(store);
      const keys = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1', 'x'];
      await store.upsert(
        keys.map((key, n) => scheduled(key, { turn: at(now - 100 + n), group: key === 'x' ? null : key[0] })),
      );
      const limits = new Map([[HANDLER, { most: 10, share: 2 }]]);
      const keysOf = async (without: ScheduleClaimOptions['without']) =>
        (await store.claim({ limits, without, horizon: 0, lease: LEASE, replica: 'r1' })).claims.map(
          ({ key }) => key,
        );
      assert.deepEqual(await keysOf([{ handler: HANDLER, group: 'b' }]), ['a1', 'a2', 'c1', 'x']);
      assert.deepEqual(await keysOf([{ handler: 'another', group: 'b' }]), ['a3', 'b1', 'b2']);
    },

    'leaves ended what ended in a pause, whatever turn it is resumed with': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { timing: { at: now }, turn: at(now) })]);
      const [claim] = await claims(store);
      await store.pause(HANDLER, 'a');
      await store.settle([resultOf(claim!, { turn: null, turns: 1, run: ran('succeeded') })]);
      assert.equal(await store.resume(HANDLER, 'a', at(now)), true);
      assert.equal((await get(store, 'a')).state, 'ended');
      assert.deepEqual(await claims(store, { horizon: 60_000 }), []);
    },

    'hands out ahead of time what is due within the horizon': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('soon', { turn: at(now + 4_000) })]);
      assert.deepEqual(await claims(store), []);
      assert.deepEqual(
        (await claims(store, { horizon: 60_000 })).map(({ key }) => key),
        ['soon'],
      );
    },

    'hands out what is held when its lease has ended, and not ahead of that': async ({ store, pass }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      await claims(store);
      assert.deepEqual(await claims(store, { horizon: 60_000 }), []);
      await pass(LEASE + 1);
      assert.equal((await claims(store, { horizon: 60_000 })).length, 1);
    },

    'tells its time with each claim, also when nothing is due': async ({ store }) => {
      const before = await store.now();
      const { claims, now } = await store.claim({
        limits: new Map([[HANDLER, 1]]),
        horizon: 0,
        lease: LEASE,
        replica: 'r1',
      });
      assert.deepEqual(claims, []);
      // The store rounds to milliseconds.
      assert.ok(now.getTime() >= before.getTime() - 1 && now.getTime() <= (await store.now()).getTime() + 1);
    },

    'tells all that a run needs': async ({ store }) => {
      const now = await justPast(store);
      const turn = { slot: now - 5_000, plannedAt: now - 4_000 };
      await store.upsert([scheduled('a', { turn, payload: '[1]', group: 'acme' })]);
      const [claim] = await claims(store);
      const { token, revision, lease, ...rest } = claim!;
      assert.deepEqual(rest, {
        handler: HANDLER,
        key: 'a',
        timing: JSON.stringify(EVERY),
        payload: '[1]',
        group: 'acme',
        turn,
        attempt: 1,
        claims: 1,
        turns: 0,
        consecutiveFailures: 0,
        triggeredAt: null,
        triggeredBy: null,
        cancelledBy: null,
        paused: false,
      });
      assert.ok(Number.isSafeInteger(token) && Number.isSafeInteger(revision));
      assert.ok(lease.getTime() > now);
    },

    'moves a schedule to its next turn, and keeps how its run ended': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      const run = ran('failed', 'no such mailbox');
      const next = at(now + 60_000);
      assert.deepEqual(
        await store.settle([resultOf(claim!, { turn: next, attempt: 2, missed: 3, run })]),
        new Set([claim!.token]),
      );
      const found = await get(store, 'a');
      assert.deepEqual(
        [found.state, found.slot?.getTime(), found.attempt, found.runs, found.failures, found.missed],
        ['active', next.slot, 2, 1, 1, 3],
      );
      assert.deepEqual(
        [found.lastOutcome, found.lastRun, found.lastError, found.consecutiveFailures],
        ['failed', 'run', 'no such mailbox', 1],
      );
      assert.deepEqual(
        [found.lastStartedAt?.getTime(), found.lastEndedAt?.getTime()],
        [run.startedAt, run.endedAt],
      );
    },

    'counts failures in a row until a success; what was cut off counts as neither': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const rows: number[] = [];
      for (const outcome of ['failed', 'timed_out', 'aborted', 'cancelled', 'lost', 'succeeded'] as const) {
        const [claim] = await claims(store);
        await store.settle([resultOf(claim!, { turn: at(now), run: ran(outcome) })]);
        rows.push((await get(store, 'a')).consecutiveFailures);
      }
      assert.deepEqual(rows, [1, 2, 2, 2, 3, 0]);
      const { failures, runs } = await get(store, 'a');
      assert.deepEqual([failures, runs], [3, 6]);
    },

    'counts a run whose end nobody saw as one that failed, and no run where no replica has the handler':
      async ({ store }) => {
        const now = await justPast(store);
        await store.upsert([scheduled('a', { turn: at(now) })]);
        for (const outcome of ['lost', 'unknown_handler'] as const) {
          const [claim] = await claims(store);
          const run = { ...ran(outcome, 'why'), id: undefined };
          await store.settle([resultOf(claim!, { turn: at(now), run })]);
          const found = await get(store, 'a');
          assert.deepEqual(
            [found.runs, found.failures, found.lastOutcome, found.lastRun, found.lastError],
            [1, 1, outcome, undefined, 'why'],
          );
        }
      },

    'ends a schedule without a next turn, and keeps it': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { timing: { at: now }, turn: at(now) })]);
      const [claim] = await claims(store);
      await store.settle([resultOf(claim!, { turn: null, turns: 1, run: ran('succeeded') })]);
      const found = await get(store, 'a');
      assert.deepEqual([found.state, found.slot, found.nextRun], ['ended', undefined, undefined]);
      assert.deepEqual(await claims(store, { horizon: 1_000_000 }), []);
      const same = await store.upsert([scheduled('a', { timing: { at: now }, turn: at(now) })]);
      assert.deepEqual([same.unchanged, (await get(store, 'a')).state], [1, 'ended']);
      await store.upsert([scheduled('a', { timing: { at: now + 1 }, turn: at(now + 1) })]);
      assert.equal((await get(store, 'a')).state, 'active');
    },

    'hands it to another one when the lease has ended, with a larger token; the first may not settle then':
      async ({ store, pass }) => {
        const now = await justPast(store);
        await store.upsert([scheduled('a', { turn: at(now) })]);
        const [first] = await claims(store);
        await pass(LEASE + 1);
        const [second] = await claims(store);
        assert.ok(second!.token > first!.token);
        assert.deepEqual([first!.claims, second!.claims, second!.attempt], [1, 2, 1]);
        assert.deepEqual(
          await store.settle([resultOf(first!, { turn: null, run: ran('succeeded') })]),
          new Set(),
        );
        assert.deepEqual(await store.renew([first!], LEASE), new Set());
        assert.equal(await store.begin(first!), undefined);
        assert.equal(await store.begin(second!), 2);
        await store.settle([resultOf(second!, { turn: at(now + 60_000), run: ran('succeeded') })]);
        const { runs, attempt, slot } = await get(store, 'a');
        assert.deepEqual([runs, attempt, slot?.getTime()], [1, 1, now + 60_000]);
      },

    'takes a result once': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      const result = resultOf(claim!, { turn: at(now + 60_000), run: ran('succeeded') });
      assert.equal((await store.settle([result])).size, 1);
      assert.equal((await store.settle([result])).size, 0);
      assert.equal((await get(store, 'a')).runs, 1);
    },

    'keeps what is renewed from others': async ({ store, pass }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      assert.deepEqual(await store.renew([claim!], LEASE + 60_000), new Set([claim!.token]));
      await pass(LEASE + 1);
      assert.deepEqual(await claims(store), []);
    },

    'tells who cancels a claim, the first one, until its result is there': async ({ store, pass }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) }), scheduled('b', { turn: at(now) })]);
      const ask = (key: string, actor: string, token?: number) =>
        store.cancel(HANDLER, key, { actor, reason: 'too "many" \\ 😀' }, token);
      assert.equal(await ask('a', 'Ada'), false, 'nobody has claimed it');
      assert.equal(await ask('c', 'Ada'), undefined, 'it is not there');
      const [claim, other] = await claims(store);
      assert.equal(await ask('a', 'Ada', claim!.token + 1_000), false, 'another claim is meant');
      assert.deepEqual(await store.cancellations('r1'), new Map());
      assert.equal(await ask('a', 'Ada', claim!.token), true);
      assert.equal(await ask('a', 'Grace'), true);
      const cancellations = await store.cancellations('r1');
      assert.deepEqual([...cancellations], [[claim!.token, { actor: 'Ada', reason: 'too "many" \\ 😀' }]]);
      await store.settle([resultOf(claim!, { turn: at(now + 60_000), turns: 1, run: ran('cancelled') })]);
      assert.deepEqual(await store.cancellations('r1'), new Map());
      await pass(LEASE + 1);
      assert.equal(await ask('b', 'Ada', other!.token), false, 'its lease has ended');
    },

    'hands out at once, as cancelled, what is given back before its holder hears of that': async ({
      store,
    }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now + 5_000) })]);
      const [claim] = await claims(store, { horizon: 10_000 });
      await store.cancel(HANDLER, 'a', { actor: 'Ada' }, undefined);
      await store.settle([{ ...resultOf(claim!, { turn: claim!.turn }), claims: 0 }]);
      const [again] = await claims(store);
      assert.deepEqual([again!.turn, again!.cancelledBy], [claim!.turn, { actor: 'Ada' }]);
      await store.settle([resultOf(again!, { turn: at(now), turns: 1, run: ran('cancelled') })]);
      assert.equal((await claims(store))[0]!.cancelledBy, null);
    },

    'takes back what was not started': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      await store.settle([{ ...resultOf(claim!, { turn: claim!.turn }), claims: 0 }]);
      const [again] = await claims(store);
      assert.deepEqual([again!.claims, again!.attempt, again!.turn], [1, 1, claim!.turn]);
      assert.equal((await get(store, 'a')).runs, 0);
    },

    'stores texts of any kind in keys and errors': async ({ store }) => {
      const now = await justPast(store);
      const key = 'ключ "\' \\ {},? $1 😀';
      await store.upsert([scheduled(key, { turn: at(now), payload: '"\\" \' {},? 😀"', group: 'a,b}' })]);
      const [claim] = await claims(store);
      assert.deepEqual([claim!.key, claim!.group, claim!.payload], [key, 'a,b}', '"\\" \' {},? 😀"']);
      await store.settle([
        resultOf(claim!, { turn: at(now), run: ran('failed', 'half: \ud83d, nul: \0, "{}\\') }),
      ]);
      assert.match((await get(store, key)).lastError!, /^half: .*"\{\}\\$/);
    },
  });
}
