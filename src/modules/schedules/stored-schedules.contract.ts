import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import {
  at,
  claims,
  EVERY,
  get,
  HANDLER,
  justPast,
  ran,
  resultOf,
  scheduled,
  type SetupScheduleStore,
} from './schedule-store-cases.js';
import { type ScheduleFilter } from './schedule.store.js';

/** Of `scheduleStoreContract`: what is written, listed, paused, triggered and removed, also while a run is active. */
export function storedSchedules(setup: SetupScheduleStore): ContractCase[] {
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

    'counts the slots of another timing anew, which its limit bounds': async ({ store }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      const [first] = await claims(store);
      await store.settle([resultOf(first!, { turn: at(now), turns: 1, run: ran('succeeded') })]);
      await store.upsert([scheduled('a', { turn: at(now), payload: '2' })]);
      assert.equal((await get(store, 'a')).turns, 1);
      const [second] = await claims(store);
      await store.upsert([scheduled('a', { timing: { ...EVERY, limit: 2 }, turn: at(now) })]);
      // A run of before is none of the new definition's.
      await store.settle([resultOf(second!, { turn: at(now), turns: 1, run: ran('succeeded') })]);
      const { turns, runs } = await get(store, 'a');
      assert.deepEqual([turns, runs], [0, 2]);
    },

    'tells of each handler that fails or that nobody has, with one of its schedules': async ({
      store,
      pass,
    }) => {
      const now = await justPast(store);
      await store.know([HANDLER, 'fine']);
      const turn = at(now);
      await store.upsert([
        ...['a', 'b', 'c', 'paused', 'ended', 'recovers', 'cut off'].map((key) => scheduled(key, { turn })),
        scheduled('d', { turn, handler: 'fine' }),
        scheduled('x', { turn: at(now + 60_000), handler: 'gone' }),
        scheduled('y', { turn: at(now + 30_000), handler: 'gone' }),
      ]);
      assert.deepEqual(await store.troubles(), [
        { kind: 'unknown_handler', handler: 'gone', schedules: 2, key: 'y', failures: 0, error: undefined },
      ]);
      const fail = async (keys: readonly string[]): Promise<void> => {
        for (const claim of await claims(store))
          await store.settle([
            resultOf(claim, {
              turn: claim.key === 'ended' ? null : keys.includes(claim.key) ? turn : at(now + 60_000),
              run:
                claim.key === 'recovers' && claim.consecutiveFailures > 0
                  ? ran('succeeded')
                  : ran(claim.key === 'cut off' ? 'aborted' : 'failed', `no ${claim.key}`),
            }),
          ]);
      };
      await fail(['b', 'recovers']);
      await fail([]);
      await store.pause(HANDLER, 'paused');
      const failing = { kind: 'failing', handler: HANDLER, key: 'b', failures: 2, error: 'no b' };
      const [gone] = (await store.troubles()).filter(({ kind }) => kind === 'unknown_handler');
      assert.equal(gone!.handler, 'gone');
      const told = async () => (await store.troubles()).filter(({ kind }) => kind === 'failing');
      assert.deepEqual(await told(), [{ ...failing, schedules: 4 }]);
      // One that has ended is told for an hour.
      await pass(3_700_000);
      assert.deepEqual(await told(), [{ ...failing, schedules: 3 }]);
      for (const key of ['a', 'b', 'c']) await store.remove(HANDLER, key);
      assert.deepEqual(await told(), []);
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

    'runs no slot of a pause, and the next one after it': async ({ store, pass }) => {
      const now = await justPast(store);
      await store.upsert([scheduled('a', { turn: at(now) })]);
      assert.equal(await store.pause(HANDLER, 'none'), false);
      assert.equal(await store.pause(HANDLER, 'a'), true);
      const { changedAt } = await get(store, 'a');
      await pass(2);
      await store.pause(HANDLER, 'a');
      assert.deepEqual((await get(store, 'a')).changedAt, changedAt);
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
  });
}
