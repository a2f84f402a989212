import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Replica } from '../history/replica.js';
import { type RunLog } from '../history/run-log.js';
import { type Run } from '../history/run.js';
import { type PruneQuery, type RunQuery, type RunStore } from '../history/run.store.js';
import { contract, type ContractCase } from './contract-case.js';

/** An open store with nothing in it, and how to dispose of it. */
export interface RunStoreSetup {
  store: RunStore;
  teardown?(): Promise<void>;
}

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

/** What every `RunStore` keeps. `setup` is called once for each case. */
export function runStoreContract(setup: () => Promise<RunStoreSetup>): ContractCase[] {
  return contract(setup, {
    'gives back a run with everything that was recorded of it': async ({ store }) => {
      const run = makeRun({
        slot: new Date(START),
        attempt: 2,
        endedAt: new Date(START + 1_234),
        outcome: 'failed',
        error: { name: 'Error', message: `it's "bad" 💥 \\ \n`, stack: 'Error: bad\n  at x' },
        progress: { done: 1, total: 2, message: 'half' },
        shards: { total: 100_000, done: 7, failed: 1 },
        blockedMs: 700,
        actor: 'ann 💥',
        release: '2.4.1',
        metrics: { rows: 3, 'bytes/s': -0.5, ['__proto__']: 1e300 },
      });
      await store.save([run]);
      assertSame(await store.find({ limit: 10 }), [run]);
    },
    'gives back a run that has only just started, without fields that it does not have': async ({
      store,
    }) => {
      const run = makeRun({});
      await store.save([run]);
      assertSame(await store.find({ limit: 10 }), [run]);
    },
    'gives the newest runs of each of several workers, if it can at once': async ({ store }) => {
      if (!store.lastRuns) return;
      const runs = ['a', 'b', 'c'].flatMap((worker) => [1, 2, 3].map((at) => makeRun({ worker, at })));
      await store.save(runs);
      const found = await store.lastRuns(['a', 'b', 'nobody', 'a'], 2);
      const wanted = runs.filter(
        ({ worker, startedAt }) => worker !== 'c' && startedAt > new Date(START + 1),
      );
      const byId = (some: readonly Run[]) => some.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      assertSame(byId(found), byId(wanted));
      assertSame(await store.lastRuns([], 2), []);
    },
    'gives back what a run logged to those who ask for it': async ({ store }) => {
      const log: RunLog = {
        lines: [
          { at: new Date(START + 1), level: 'warn', message: `it's "odd" 💥 \\ \n` },
          { at: new Date(START + 2), level: 'log', message: '' },
        ],
        dropped: 7,
      };
      const run = makeRun({});
      await store.save([{ ...run, log }]);
      assertSame(await store.find({ limit: 10 }), [run]);
      assertSame(await store.find({ limit: 10, withLog: true }), [{ ...run, log }]);
      assertSame(await store.find({ id: run.id, limit: 1, withLog: true }), [{ ...run, log }]);
    },
    'gives back what a run was given to those who ask for it': async ({ store }) => {
      const given = makeRun({ payload: { tenant: 'a', list: [1, null, '💥 "'], at: { deep: {} } } });
      const tooLong = makeRun({ at: 1, payloadOmitted: true });
      await store.save([given, tooLong]);
      // Who says how it ended may not know what it was given.
      const { payload, ...rest } = given;
      const ended: Run = { ...rest, outcome: 'succeeded', endedAt: new Date(START + 5) };
      assertSame(await store.find({ limit: 10, withLog: true }), [tooLong, given]);
      await store.save([{ ...ended, payload }]);
      assertSame(await store.find({ id: given.id, limit: 1, withLog: true }), [{ ...ended, payload }]);
    },
    'replaces a run that is saved again': async ({ store }) => {
      const run = makeRun({});
      await store.save([run]);
      const ended: Run = { ...run, outcome: 'succeeded', endedAt: new Date(START + 5) };
      await store.save([ended]);
      await store.save([ended]);
      assertSame(await store.find({ limit: 10 }), [ended]);
    },
    'finds the runs of one worker, or of all, newest first': async ({ store }) => {
      const [a1, b2, a3] = [makeRun({ at: 1 }), makeRun({ at: 2, worker: 'b' }), makeRun({ at: 3 })];
      await store.save([a3, a1, b2]);
      assertSame(await store.find({ worker: 'a', limit: 10 }), [a3, a1]);
      assertSame(await store.find({ limit: 10 }), [a3, b2, a1]);
      assertSame(await store.find({ worker: 'nobody', limit: 10 }), []);
    },
    'pages through runs, also those of one instant, without a gap or a repeat': async ({ store }) => {
      const runs = Array.from({ length: 7 }, (_, i) => makeRun({ at: Math.floor(i / 3) }));
      await store.save(runs);
      const seen: string[] = [];
      let page = await store.find({ limit: 2 });
      while (page.length > 0) {
        seen.push(...page.map((run) => run.id));
        page = await store.find({ limit: 2, before: page.at(-1)! });
      }
      assert.equal(seen.length, 7);
      assert.deepEqual(new Set(seen), new Set(runs.map((run) => run.id)));
    },
    'finds runs by id, outcome, trigger, time and text of their error, and by all of them': async ({
      store,
    }) => {
      const ended = (at: number, given: Partial<Run>) =>
        makeRun({ at, outcome: 'succeeded', endedAt: new Date(START + at), ...given });
      const fine = ended(1, {});
      const failed = ended(2, {
        outcome: 'failed',
        error: { name: 'TypeError', message: 'Fetch failed: 100%_done' },
      });
      const lost = ended(3, { outcome: 'lost', worker: 'b' });
      const wrapped = ended(4, {
        outcome: 'failed',
        trigger: 'manual',
        error: {
          message: 'outer',
          cause: { message: 'inner', errors: [{ name: 'AbortError', message: 'ECONNREFUSED 💥' }] },
        },
      });
      const cancelled = ended(5, { outcome: 'cancelled', trigger: 'event', error: { message: 'by ann' } });
      const on = makeRun({ at: 6 });
      await store.save([fine, failed, lost, wrapped, cancelled, on]);
      const found = async (query: Omit<RunQuery, 'limit'>) => store.find({ ...query, limit: 10 });
      assertSame(await found({ id: lost.id }), [lost]);
      assertSame(await found({ id: lost.id, worker: 'a' }), []);
      assertSame(await found({ id: randomUUID() }), []);
      assertSame(await found({ outcomes: ['failed'] }), [wrapped, failed]);
      assertSame(await found({ outcomes: ['lost', 'cancelled', 'running'] }), [on, cancelled, lost]);
      assertSame(await found({ outcomes: ['succeeded'] }), [fine]);
      assertSame(await found({ outcomes: [] }), []);
      assertSame(await found({ trigger: 'manual' }), [wrapped]);
      assertSame(await found({ trigger: 'schedule', worker: 'a' }), [on, failed, fine]);
      assertSame(await found({ since: new Date(START + 4) }), [on, cancelled, wrapped]);
      assertSame(await found({ until: new Date(START + 2) }), [fine]);
      assertSame(await found({ since: new Date(START + 2), until: new Date(START + 3) }), [failed]);
      for (const text of ['fetch', 'TYPEERROR', '100%_']) assertSame(await found({ text }), [failed]);
      for (const text of ['econnrefused 💥', 'Abort', 'inner']) assertSame(await found({ text }), [wrapped]);
      for (const text of ['100__done', '%', "';--", '$.message', '"']) {
        const expected = text === '%' ? [failed] : [];
        assertSame(await found({ text }), expected);
      }
      const all = {
        worker: 'a',
        outcomes: ['failed'],
        trigger: 'manual',
        text: 'outer',
        since: new Date(START),
      } as const;
      assertSame(await found(all), [wrapped]);
      assertSame(await found({ ...all, before: wrapped }), []);
      assertSame(await found({ outcomes: ['failed'], before: wrapped }), [failed]);
    },
    'finds the runs of a key, of one handler or of all': async ({ store }) => {
      const ada = makeRun({ at: 1, key: 'ada 💥', fencingToken: 2 ** 40 });
      const failed = makeRun({ at: 2, key: 'ada 💥', outcome: 'failed', trigger: 'retry' });
      const other = makeRun({ at: 3, key: 'ada 💥', worker: 'b' });
      const empty = makeRun({ at: 4, key: '' });
      await store.save([ada, failed, other, empty, makeRun({ at: 5 }), makeRun({ at: 6, key: 'ada' })]);
      const found = async (query: Omit<RunQuery, 'limit'>) => store.find({ ...query, limit: 10 });
      assertSame(await found({ key: 'ada 💥' }), [other, failed, ada]);
      assertSame(await found({ key: 'ada 💥', worker: 'a' }), [failed, ada]);
      assertSame(await found({ key: 'ada 💥', worker: 'a', outcomes: ['failed', 'lost'] }), [failed]);
      assertSame(await found({ key: 'ada 💥', worker: 'a', outcomes: ['succeeded'] }), []);
      assertSame(await found({ key: 'ada 💥', trigger: 'schedule' }), [other, ada]);
      assertSame(await found({ key: 'ada 💥', trigger: 'retry', worker: 'b' }), []);
      assertSame(await found({ key: 'ada 💥', text: 'no such text' }), []);
      assertSame(await found({ key: 'ada 💥', before: other }), [failed, ada]);
      assertSame(await found({ key: '' }), [empty]);
      assertSame(await found({ key: 'nobody' }), []);
    },
    'saves nothing without complaint': async ({ store }) => {
      await store.save([]);
      assertSame(await store.find({ limit: 10 }), []);
    },
  });
}

/** What a `RunStore` with a heartbeat keeps besides. */
export function sharedRunStoreContract(setup: () => Promise<RunStoreSetup>): ContractCase[] {
  return contract(setup, {
    'marks runs as lost, once, when their replica is silent for too long': async ({ store }) => {
      const [dead, alive] = [makeReplica(), makeReplica()];
      const cut = makeRun({ replica: dead.id });
      const done = makeRun({ replica: dead.id, outcome: 'succeeded', endedAt: new Date(START + 1) });
      const own = makeRun({ replica: alive.id });
      await store.heartbeat!(dead, HOUR);
      await store.save([cut, done, own]);
      assert.deepEqual(await store.heartbeat!(alive, HOUR), [], 'an hour has not passed');

      const lost = await store.heartbeat!(alive, 0);
      assert.deepEqual(
        lost.map((run) => [run.id, run.outcome]),
        [[cut.id, 'lost']],
      );
      assert.ok(lost[0]!.endedAt, 'a lost run has an end');
      assert.deepEqual(await store.heartbeat!(alive, 0), [], 'a run is lost once');
      const stored = new Map((await store.find({ limit: 10 })).map((run) => [run.id, run.outcome]));
      assert.deepEqual(stored, new Map([[cut.id, 'lost'], [done.id, 'succeeded'], [own.id, 'running']])); // prettier-ignore
    },
    'keeps what a run that is lost had logged and measured': async ({ store }) => {
      const dead = makeReplica();
      const said = {
        actor: 'ann',
        release: '1',
        metrics: { rows: 1 },
        payload: ['given'],
        log: { lines: [{ at: new Date(START), level: 'log', message: 'begun' }], dropped: 0 },
      } satisfies Partial<Run>;
      const run = makeRun({ replica: dead.id });
      await store.save([{ ...run, ...said }]);
      const [lost] = await store.heartbeat!(makeReplica(), 0);
      // Who is granted its slot next knows less of it.
      await store.save([{ ...run, outcome: 'lost', endedAt: lost!.endedAt! }]);
      assertSame(await store.find({ limit: 1, withLog: true }), [
        { ...run, ...said, outcome: 'lost', endedAt: lost!.endedAt! },
      ]);
    },
    'knows the replicas that write to it, also when they are gone': async ({ store }) => {
      if (!store.replicas) return;
      const first = makeReplica();
      const second = { ...makeReplica(), startedAt: new Date(START + 1), release: '1' };
      for (const replica of [first, second]) await store.heartbeat!(replica, HOUR);
      // Of a store that others have written to before.
      const own = new Set([first.id, second.id]);
      const known = async (query: { id?: string; alive?: boolean }) =>
        (await store.replicas!({ ...query, limit: 1_000 }))
          .filter(({ id }) => own.has(id))
          .map(({ seenAt, ...replica }) => {
            assert.equal(seenAt !== undefined, replica.alive);
            return replica;
          });
      const alive = { alive: true };
      const both = [
        { ...second, ...alive },
        { ...first, ...alive },
      ];
      assertSame(await known({}), both);
      assertSame(await known({ id: first.id }), [both[1]]);
      assertSame(await known({ id: makeReplica().id }), []);
      assert.equal((await store.replicas({ limit: 1 })).length, 1);
      await store.heartbeat!(second, 0);
      assertSame(await known(alive), [both[0]]);
      assertSame(await known({}), [both[0], { ...first, alive: false }]);
    },
    'marks runs as lost whose replica never said that it lives': async ({ store }) => {
      const run = makeRun({ replica: makeReplica().id });
      await store.save([run]);
      const lost = await store.heartbeat!(makeReplica(), HOUR);
      assert.deepEqual(
        lost.map(({ id }) => id),
        [run.id],
      );
    },
    'believes a replica that comes back and says how a run that was lost ended': async ({ store }) => {
      const run = makeRun({ replica: makeReplica().id });
      await store.save([run]);
      await store.heartbeat!(makeReplica(), 0);
      const ended: Run = { ...run, outcome: 'succeeded', endedAt: new Date(START + 9) };
      await store.save([ended]);
      assertSame(await store.find({ limit: 10 }), [ended]);
    },
  });
}

/** What a `RunStore` with `lastSlots` keeps besides. */
export function lastingRunStoreContract(setup: () => Promise<RunStoreSetup>): ContractCase[] {
  const instant = (at: number) => new Date(START + at);
  const last = async (store: RunStore, workers: string[], at = 0) =>
    Object.fromEntries(await store.lastSlots!(workers, instant(at)));

  return contract(setup, {
    'tells the latest slot of each worker whose run has ended, or is active': async ({ store }) => {
      await store.save([
        makeRun({ at: 1, slot: instant(1), outcome: 'succeeded', endedAt: instant(2) }),
        makeRun({ at: 3, slot: instant(3), outcome: 'failed', endedAt: instant(4) }),
        makeRun({ at: 5, trigger: 'manual', outcome: 'succeeded', endedAt: instant(6) }),
        makeRun({ at: 2, slot: instant(2), worker: 'b' }),
        makeRun({ at: 9, slot: instant(9), worker: 'not asked about' }),
      ]);
      assert.deepEqual(await last(store, ['a', 'b']), { a: instant(3), b: instant(2) });
      assert.deepEqual(await last(store, []), {});
    },
    'does not count a slot that was lost or aborted: it is owed': async ({ store }) => {
      await store.save([
        makeRun({ at: 1, slot: instant(1), outcome: 'timed_out', endedAt: instant(2) }),
        makeRun({ at: 3, slot: instant(3), outcome: 'aborted', endedAt: instant(4) }),
        makeRun({ at: 5, slot: instant(5), outcome: 'lost', endedAt: instant(6) }),
      ]);
      assert.deepEqual(await last(store, ['a']), { a: instant(1) });
    },
    'tells the latest slot that was noted without its run, and never an older one': async ({ store }) => {
      await store.save([makeRun({ at: 3, slot: instant(3), outcome: 'failed', endedAt: instant(4) })]);
      await store.noteSlots!(new Map([['a', instant(9)], ['b', instant(7)]])); // prettier-ignore
      assert.deepEqual(await last(store, ['a', 'b']), { a: instant(9), b: instant(7) });
      await store.noteSlots!(new Map([['b', instant(6)]]));
      await store.save([makeRun({ at: 12, slot: instant(12), outcome: 'failed', endedAt: instant(13) })]);
      assert.deepEqual(await last(store, ['a', 'b']), { a: instant(12), b: instant(7) });
      await store.noteSlots!(new Map());
    },
    'does not tell of a slot from before the schedule came into force': async ({ store }) => {
      const told = async (timing: string, at: number) =>
        (await store.lastSlots!(['a'], instant(at), new Map([['a', timing]]))).get('a');
      await store.save([makeRun({ at: 1, slot: instant(1), outcome: 'succeeded', endedAt: instant(2) })]);
      assert.deepEqual(await told('0 3 * * *', 0), instant(1), 'it is asked about for the first time');
      assert.deepEqual(await told('0 3 * * *', 20), instant(1), 'it has the same schedule');
      assert.deepEqual(await told('0 1 * * *', 30), instant(30), 'it has another schedule');
      assert.deepEqual(await told('0 1 * * *', 40), instant(30));
      assert.deepEqual(
        await last(store, ['a'], 50),
        { a: instant(30) },
        'without a schedule nothing changes',
      );
    },
    'tells of a worker that has run no slot when it was first asked about': async ({ store }) => {
      assert.deepEqual(await last(store, ['a'], 10), {});
      assert.deepEqual(await last(store, ['a', 'b'], 20), { a: instant(10) });
      assert.deepEqual(await last(store, ['a', 'b'], 30), { a: instant(10), b: instant(20) });
      await store.save([makeRun({ at: 40, slot: instant(40), outcome: 'succeeded', endedAt: instant(41) })]);
      assert.deepEqual(await last(store, ['a'], 50), { a: instant(40) });
    },
  });
}

/** What a `RunStore` with `prune` keeps besides. */
export function prunableRunStoreContract(setup: () => Promise<RunStoreSetup>): ContractCase[] {
  const left = async (store: RunStore) => new Set((await store.find({ limit: 1_000 })).map(({ id }) => id));
  const prune = async (store: RunStore, query: PruneQuery): Promise<number> => {
    let deleted = 0;
    for await (const count of store.prune!(query)) deleted += count;
    return deleted;
  };
  const ended = (at: number, given: Partial<Run> = {}): Run =>
    makeRun({ at, outcome: 'succeeded', endedAt: new Date(START + at + 1), ...given });

  return contract(setup, {
    'deletes what ended before an instant, and no run that ended later or is active': async ({ store }) => {
      const old = [ended(1), ended(2, { outcome: 'failed' }), ended(3, { worker: 'b', outcome: 'lost' })];
      const long = ended(4, { endedAt: new Date(START + HOUR) });
      const on = makeRun({ at: 5 });
      const young = ended(HOUR, { worker: 'b' });
      await store.save([...old, long, on, young]);
      assert.equal(await prune(store, { endedBefore: new Date(START + HOUR), maxRuns: Infinity }), 3);
      assert.deepEqual(await left(store), new Set([long.id, on.id, young.id]));
    },
    'keeps n of each worker, the newest, and what is active besides': async ({ store }) => {
      const on = makeRun({ at: 0 });
      const busy = Array.from({ length: 6 }, (_, i) => ended(1 + Math.floor(i / 2)));
      const calm = ended(0, { worker: 'b' });
      await store.save([on, ...busy, calm]);
      const newest = (await store.find({ worker: 'a', limit: 3 })).map(({ id }) => id);
      assert.equal(await prune(store, { endedBefore: new Date(START), maxRuns: 3 }), 3);
      assert.deepEqual(await left(store), new Set([on.id, calm.id, ...newest]));
    },
    'keeps the run that tells the latest slot of a worker, however old': async ({ store }) => {
      const slots = [1, 2].map((at) => ended(at, { slot: new Date(START + at) }));
      const owed = ended(3, { slot: new Date(START + 3), outcome: 'aborted' });
      const triggered = [4, 5].map((at) => ended(at, { trigger: 'manual' }));
      await store.save([...slots, owed, ...triggered]);
      const known = (await store.lastSlots?.(['a'], new Date(START))) ?? new Map<string, Date>();
      await prune(store, { endedBefore: new Date(START + HOUR), maxRuns: 1 });
      assert.deepEqual((await store.lastSlots?.(['a'], new Date(START))) ?? new Map<string, Date>(), known);
      if (store.lastSlots) assert.deepEqual(await left(store), new Set([slots[1]!.id]));
    },
    'deletes in batches of at most 1,000, and no more when nobody asks for it': async ({ store }) => {
      const runs = Array.from({ length: 2_500 }, (_, i) => ended(i, { worker: `w${i % 2}` }));
      await store.save(runs);
      const query = { endedBefore: new Date(START + HOUR), maxRuns: Infinity };
      for await (const first of store.prune!(query)) {
        assert.ok(first >= 1 && first <= 1_000, `a batch of ${first}`);
        assert.equal(await prune(store, query), 2_500 - first);
        break;
      }
      assert.equal(await prune(store, query), 0, 'nothing is left to delete');
      assert.deepEqual(await left(store), new Set());
    },
  });
}

/** Jest gives tests an `Array` and an `Object` of their own, and `structuredClone` makes those of Node: both are one. */
function assertSame(actual: unknown, expected: unknown): void {
  assert.deepEqual(structuredClone(actual), structuredClone(expected));
}

function makeRun({ at = 0, ...given }: Partial<Run> & { at?: number }): Run {
  const startedAt = new Date(START + at);
  return {
    id: randomUUID(),
    worker: 'a',
    replica: randomUUID(),
    trigger: 'schedule',
    attempt: 1,
    scheduledAt: startedAt,
    startedAt,
    outcome: 'running',
    ...given,
  };
}

function makeReplica(): Replica {
  return { id: randomUUID(), host: 'test', pid: 1, startedAt: new Date(START) };
}
