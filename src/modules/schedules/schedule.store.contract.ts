import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { type Schedule, type ScheduleTiming } from './schedule.js';
import {
  type NewSchedule,
  type ScheduleClaim,
  type ScheduleClaimOptions,
  type ScheduleFilter,
  type ScheduleResult,
  type ScheduleRun,
  type ScheduleStore,
  type Turn,
} from './schedule.store.js';

export interface ScheduleStoreSetup {
  /** Without any schedule. */
  store: ScheduleStore;
  /** Lets so much time pass by the clock of the store, in milliseconds. */
  pass(ms: number): Promise<void>;
}

const HANDLER = 'reminder';
const EVERY: ScheduleTiming = { every: 60_000 };
const LEASE = 2_000;

/** What every `ScheduleStore` keeps. `setup` is called by each case. */
export function scheduleStoreContract(
  setup: () => ScheduleStoreSetup | Promise<ScheduleStoreSetup>,
): ContractCase[] {
  return contract(setup, {
    'tells what was written': async ({ store }) => {
      const now = await store.now();
      const turn = { slot: now.getTime() + 60_000, plannedAt: now.getTime() + 61_000 };
      const summary = await store.upsert([scheduled('a', { turn, payload: '{"to":"Ada"}', group: 'acme' })]);
      assert.deepEqual(summary, { created: 1, changed: 0, unchanged: 0 });
      const found = await get(store, 'a');
      assert.deepEqual(
        [found.handler, found.key, found.timing, found.payload, found.group, found.state, found.attempt],
        [HANDLER, 'a', EVERY, { to: 'Ada' }, 'acme', 'active', 1],
      );
      assert.deepEqual([found.slot?.getTime(), found.nextRun?.getTime()], [turn.slot, turn.plannedAt]);
      assert.deepEqual([found.runs, found.failures, found.missed, found.lastOutcome], [0, 0, 0, undefined]);
      assert.equal(await store.find(HANDLER, 'b'), undefined);
      assert.equal(await store.find('other', 'a'), undefined);
    },

    'keeps the turn of what is written again as it is, and of what has another payload': async ({
      store,
    }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now + 60_000) })]);
      const later = at(now + 90_000);
      assert.deepEqual(await store.upsert([scheduled('a', { turn: later })]), {
        created: 0,
        changed: 0,
        unchanged: 1,
      });
      const other = scheduled('a', { turn: later, payload: '2' });
      assert.deepEqual(await store.upsert([other]), { created: 0, changed: 1, unchanged: 0 });
      const found = await get(store, 'a');
      assert.deepEqual([found.payload, found.slot?.getTime()], [2, now + 60_000]);
    },

    'begins anew with another timing, and keeps the counts': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      await store.settle([
        resultOf(claim!, { turn: at(now + 60_000), attempt: 2, run: ran('failed', 'no') }),
      ]);
      await store.upsert([scheduled('a', { timing: { every: 30_000 }, turn: at(now + 30_000) })]);
      const found = await get(store, 'a');
      assert.deepEqual(
        [found.slot?.getTime(), found.attempt, found.consecutiveFailures, found.runs, found.failures],
        [now + 30_000, 1, 0, 1, 1],
      );
    },

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

    'hands out ahead of time what is due within the horizon': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('soon', { turn: at(now + 4_000) })]);
      assert.deepEqual(await claims(store), []);
      assert.deepEqual(
        (await claims(store, { horizon: 60_000 })).map(({ key }) => key),
        ['soon'],
      );
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

    'removes a schedule, of which a run that is active changes nothing any more': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      assert.equal(await store.remove(HANDLER, 'a'), true);
      assert.equal(await store.remove(HANDLER, 'a'), false);
      assert.equal(
        (await store.settle([resultOf(claim!, { turn: at(now), run: ran('succeeded') })])).size,
        0,
      );
      await store.upsert([scheduled('a', { turn: at(now + 1_000_000) })]);
      assert.equal(
        (await store.settle([resultOf(claim!, { turn: at(now), run: ran('succeeded') })])).size,
        0,
      );
      assert.deepEqual([(await get(store, 'a')).runs, await claims(store)], [0, []]);
    },

    'keeps the turn of a new definition from the run of the old one, which holds it to its end': async ({
      store,
    }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      await store.upsert([scheduled('a', { timing: { every: 30_000 }, turn: at(now - 1) })]);
      assert.deepEqual(await claims(store), []);
      const result = resultOf(claim!, { turn: at(now + 60_000), attempt: 4, run: ran('failed') });
      assert.equal((await store.settle([result])).size, 1);
      const found = await get(store, 'a');
      assert.deepEqual(
        [found.slot?.getTime(), found.attempt, found.consecutiveFailures, found.runs, found.lastOutcome],
        [now - 1, 1, 0, 1, 'failed'],
      );
      assert.deepEqual(
        (await claims(store)).map(({ turn }) => turn),
        [at(now - 1)],
      );
    },

    'hands out a payload that was changed while a run was active with the next run': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now), payload: '1' })]);
      const [claim] = await claims(store);
      await store.upsert([scheduled('a', { turn: at(now), payload: '2' })]);
      await store.settle([resultOf(claim!, { turn: at(now), run: ran('succeeded') })]);
      assert.deepEqual(
        (await claims(store)).map(({ payload }) => payload),
        ['2'],
      );
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

    'lists by handler and key, behind a place, by prefix and by state': async ({ store }) => {
      const now = await justPast(store);
      const later = at(now + 1_000_000);
      const keys = ['a', 'b', 'b:1', 'b:2', 'b:\u{10ffff}', 'c', 'ü'];
      await store.upsert(keys.map((key) => scheduled(key, { turn: key === 'c' ? at(now) : later })));
      await store.upsert([scheduled('a', { handler: 'another', turn: later })]);
      await claims(store);
      await store.pause(HANDLER, 'b');
      const list = async (filter: Partial<ScheduleFilter>) =>
        (await store.list({ limit: 100, ...filter })).map(({ handler, key }) => `${handler} ${key}`);
      const of = (...names: string[]) => names.map((key) => `${HANDLER} ${key}`);
      assert.deepEqual(await list({}), ['another a', ...of(...keys)]);
      assert.deepEqual(await list({ handler: HANDLER, keyPrefix: 'b:' }), of('b:1', 'b:2', 'b:\u{10ffff}'));
      assert.deepEqual(await list({ state: 'running' }), of('c'));
      assert.deepEqual(await list({ state: 'paused' }), of('b'));
      assert.deepEqual(
        await list({ after: { handler: HANDLER, key: 'b:1' }, limit: 2 }),
        of('b:2', 'b:\u{10ffff}'),
      );
      assert.deepEqual(await list({ handler: 'none' }), []);
    },

    'runs no slot of a pause, and the next one after it': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      assert.equal(await store.pause(HANDLER, 'none'), false);
      assert.equal(await store.pause(HANDLER, 'a'), true);
      assert.deepEqual([(await get(store, 'a')).state, await claims(store)], ['paused', []]);
      await store.upsert([scheduled('a', { timing: { every: 1_000 }, turn: at(now) })]);
      assert.deepEqual(await claims(store), []);
      assert.equal(await store.resume(HANDLER, 'a', at(now - 1)), true);
      assert.equal(await store.resume(HANDLER, 'a', at(now + 60_000)), true);
      assert.equal(await store.resume(HANDLER, 'none', null), false);
      assert.deepEqual(
        (await claims(store)).map(({ turn }) => turn),
        [at(now - 1)],
      );
    },

    'lets a run come to its end that was paused, and keeps the turn that a resume gave from it': async ({
      store,
    }) => {
      const now = await justPast(store);
      await store.upsert(['a', 'b'].map((key) => scheduled(key, { turn: at(now) })));
      const both = await claims(store);
      for (const key of ['a', 'b']) await store.pause(HANDLER, key);
      await store.resume(HANDLER, 'b', at(now + 90_000));
      assert.equal((await get(store, 'a')).state, 'running');
      await store.settle(both.map((claim) => resultOf(claim, { turn: at(now), run: ran('succeeded') })));
      assert.deepEqual([(await get(store, 'a')).state, (await get(store, 'b')).state], ['paused', 'active']);
      assert.equal((await get(store, 'b')).slot?.getTime(), now + 90_000);
      assert.deepEqual(await claims(store), []);
    },

    'runs by hand what is not due, paused or ended, once, and keeps its turn': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert(
        ['later', 'paused', 'ended'].map((key) => scheduled(key, { turn: at(now + 60_000) })),
      );
      await store.pause(HANDLER, 'paused');
      await store.upsert([scheduled('ended', { timing: { at: 1 } })]);
      assert.equal(await store.trigger(HANDLER, 'none', undefined), false);
      for (const key of ['later', 'paused', 'ended']) {
        await store.trigger(HANDLER, key, 'Ada');
        await store.trigger(HANDLER, key, 'Grace');
      }
      const triggered = await claims(store, { horizon: 10 });
      assert.deepEqual(triggered.map(({ key, triggeredBy }) => `${key} by ${triggeredBy}`).sort(), [
        'ended by Grace',
        'later by Grace',
        'paused by Grace',
      ]);
      for (const claim of triggered) assert.ok(claim.triggeredAt! >= now);
      await store.settle(
        triggered.map((claim) => resultOf(claim, { turn: claim.turn, run: ran('succeeded') })),
      );
      assert.deepEqual(await claims(store, { horizon: 1_000 }), []);
      const states = await store.list({ limit: 10 });
      assert.deepEqual(
        states.map(({ key, state, runs, slot }) => [key, state, runs, slot?.getTime()]),
        [
          ['ended', 'ended', 1, undefined],
          ['later', 'active', 1, now + 60_000],
          ['paused', 'paused', 1, now + 60_000],
        ],
      );
    },

    'runs by hand after the run that is active': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [claim] = await claims(store);
      await store.trigger(HANDLER, 'a', undefined);
      assert.deepEqual(await claims(store), []);
      await store.settle([resultOf(claim!, { turn: at(now + 60_000), run: ran('succeeded') })]);
      const [byHand] = await claims(store, { horizon: 10 });
      assert.notEqual(byHand!.triggeredAt, null);
      assert.deepEqual([byHand!.turn, byHand!.triggeredBy], [at(now + 60_000), null]);
    },

    'knows which handlers have schedules, how these do, and whether a replica has them': async ({
      store,
    }) => {
      const now = await justPast(store);
      await store.upsert([
        ...['a', 'b', 'c', 'd'].map((key) => scheduled(key, { turn: at(now) })),
        scheduled('x', { handler: 'old', turn: at(now - 100_000) }),
        scheduled('y', { handler: 'older', turn: at(now - 100_000) }),
        scheduled('z', { handler: 'done' }),
      ]);
      await store.know([HANDLER]);
      assert.deepEqual((await store.unknownHandlers()).sort(), ['old', 'older']);
      const [first, second] = await claims(store);
      await store.settle([
        resultOf(first!, { turn: at(now + 30_000), missed: 2, run: ran('failed') }),
        resultOf(second!, { turn: null, run: ran('succeeded') }),
      ]);
      const counts = await store.handlers();
      assert.deepEqual(
        counts.map(({ handler, known, overdue }) => [handler, known, overdue]),
        [
          ['done', false, 0],
          ['old', false, 1],
          ['older', false, 1],
          [HANDLER, true, 0],
        ],
      );
      const { nextRun, ...of } = counts.at(-1)!;
      assert.deepEqual(of, {
        ...{
          handler: HANDLER,
          known: true,
          schedules: 4,
          running: 2,
          paused: 0,
          ended: 1,
          failing: 1,
          overdue: 0,
        },
        ...{ runs: 2, failures: 1, missed: 2 },
      });
      assert.equal(nextRun?.getTime(), now);
    },

    'deletes what ended long ago, and nothing else': async ({ store, pass }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('ended', {}), scheduled('active', { turn: at(now) })]);
      assert.equal(await store.prune(60_000), 0);
      await pass(60_001);
      assert.equal(await store.prune(60_000), 1);
      assert.deepEqual(
        (await store.list({ limit: 10 })).map(({ key }) => key),
        ['active'],
      );
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

  function scheduled(
    key: string,
    more: Partial<Omit<NewSchedule, 'timing'>> & { timing?: ScheduleTiming },
  ): NewSchedule {
    const { timing = EVERY, ...rest } = more;
    return {
      handler: HANDLER,
      key,
      payload: null,
      group: null,
      turn: null,
      timing: JSON.stringify(timing),
      ...rest,
    };
  }

  async function claims(
    store: ScheduleStore,
    {
      limits = new Map([[HANDLER, 100]]),
      horizon = 0,
    }: { limits?: Map<string, number>; horizon?: number } = {},
  ): Promise<readonly ScheduleClaim[]> {
    return (await store.claim({ limits, horizon, lease: LEASE, replica: 'r1' })).claims;
  }

  async function get(store: ScheduleStore, key: string): Promise<Schedule> {
    const found = await store.find(HANDLER, key);
    assert.ok(found);
    return found;
  }
}

/** Stored instants are rounded: one that is now could lie in the future for half a millisecond. */
async function justPast(store: ScheduleStore): Promise<number> {
  return (await store.now()).getTime() - 10;
}

function at(slot: number): Turn {
  return { slot, plannedAt: slot };
}

function ran(outcome: ScheduleRun['outcome'], error?: string): ScheduleRun {
  return { outcome, id: 'run', startedAt: 1_000, endedAt: 2_000, error };
}

function resultOf(
  claim: ScheduleClaim,
  { turn, attempt = 1, missed = 0, turns = 0, run }: Partial<ScheduleResult> & Pick<ScheduleResult, 'turn'>,
): ScheduleResult {
  return { claim, turn, attempt, claims: 0, missed, turns, run };
}
