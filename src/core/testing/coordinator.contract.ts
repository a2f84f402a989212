import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { StaleRunError } from '../coordination/coordination.errors.js';
import {
  type Claim,
  type ClaimAnswer,
  type Control,
  type Coordinator,
  FOREVER,
  type Known,
  NOTHING_KNOWN,
  type Release,
  type RunRequestInput,
} from '../coordination/coordinator.js';
import { type WorkerRecord } from '../coordination/worker-record.js';
import { type EndedRun } from '../history/run.js';
import { type TransactionRunner } from '../worker/run-context.js';
import { type ContractCase } from './contract-case.js';

/** An open coordinator that knows no worker, its time, and how to dispose of it. */
export interface CoordinatorSetup {
  coordinator: Coordinator;
  /** Lets this many milliseconds pass by the coordinator's clock. */
  pass(ms: number): Promise<void>;
  /** Something to hand to `assertCurrent`. */
  manager: TransactionRunner;
  teardown?(): Promise<void>;
}

const TIMING = '{"every":"1m","spacing":"slot"}';
/** Long enough that it does not run out by itself within a case. */
const LONG = 60_000;
/** Runs out within `pass(SHORT)`. */
const SHORT = 40;
const [A, B] = [randomUUID(), randomUUID()];

/** What every `Coordinator` keeps. `setup` is called once for each case. */
export function coordinatorContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  const contract = (name: string, body: (bench: Bench) => Promise<void>): ContractCase => ({
    name,
    run: async () => {
      const given = await setup();
      try {
        await body(await Bench.on(given));
      } finally {
        await given.teardown?.();
      }
    },
  });

  return [
    contract('makes a record of a worker that is new, from which its slots begin', async (bench) => {
      const { record } = bench;
      assert.equal(record.slot, bench.slot(0));
      assert.deepEqual(
        [record.done, record.owed, record.fencing, record.paused, record.timing, record.definition],
        [true, undefined, 0, false, TIMING, TIMING],
      );
      assert.equal(record.status.runCount, 0);
    }),

    contract('keeps the record of a worker that is made known again, as it is', async (bench) => {
      await bench.granted({});
      const again = await bench.enroll({ slot: bench.slot(5) });
      assert.deepEqual([again.slot, again.fencing], [bench.slot(1), 1]);
    }),

    contract('begins anew from the given slot when the schedule of the code has changed', async (bench) => {
      await bench.end(await bench.granted({}), {});
      const timing = '{"every":"2m","spacing":"slot"}';
      const changed = await bench.enroll({ timing, slot: bench.slot(3) });
      assert.deepEqual(
        [changed.slot, changed.timing, changed.definition, changed.fencing],
        [bench.slot(3), timing, timing, 1],
      );
      assert.ok(changed.revision > bench.record.revision);
      const earlier = await bench.enroll({ timing: TIMING, slot: bench.slot(2) });
      assert.equal(earlier.slot, bench.slot(3), 'slots do not go back');
    }),

    contract('takes a worker whose slots have no beginning', async (bench) => {
      const { records } = await bench.coordinator.enroll([{ name: 'once', timing: TIMING, slot: -Infinity }]);
      assert.equal(records[0]!.slot, -Infinity);
      const claim = bench.claim({ worker: 'once', from: -Infinity, target: { slot: bench.slot(1) } });
      assert.ok((await bench.coordinator.claim(claim)).granted);
    }),

    contract('grants the next slot to one, with the next token and a lease', async (bench) => {
      const { time, record } = await bench.granted({ missed: 3, skipped: 2 });
      assert.deepEqual(
        [record.slot, record.fencing, record.attempt, record.holder, record.done, record.owed],
        [bench.slot(1), 1, 1, A, false, 2],
      );
      assert.ok(record.leaseUntil! - time > LONG - 5_000 && record.leaseUntil! - time <= LONG);
      assert.deepEqual([record.status.missedCount, record.status.skippedCount], [3, 2]);
    }),

    contract('refuses what another one holds, and says for how long', async (bench) => {
      const { record } = await bench.granted({});
      const answer = await bench.refused(
        { replica: B, fencing: 1, from: bench.slot(1), target: { slot: bench.slot(2) } },
        'held',
      );
      assert.ok(answer.wait > 0 && answer.wait <= LONG);
      assert.deepEqual([answer.record!.runId, answer.record!.holder], [record.runId, A]);
    }),

    contract('refuses who does not know the last slot or token, and says what they are', async (bench) => {
      const first = await bench.granted({});
      await bench.end(first, {});
      const target = { slot: bench.slot(2) };
      const answer = await bench.refused({ replica: B, target }, 'stale');
      const { slot: from, fencing } = answer.record!;
      await bench.refused({ target, from, fencing: 0 }, 'stale');
      await bench.refused({ target, from: bench.slot(0), fencing }, 'stale');
      await bench.granted({ target, from, fencing });
    }),

    contract('refuses a slot before its time, and says how long that is', async (bench) => {
      const { time } = await bench.coordinator.records();
      const slot = Math.ceil(time) + 30_000;
      const { wait, time: then } = await bench.refused({ target: { slot } }, 'too_early');
      assert.ok(wait > 0 && Math.abs(then + wait - slot) < 1_000);
    }),

    contract('refuses a slot that was run, and one from before the last', async (bench) => {
      const first = await bench.granted({ target: { slot: bench.slot(2) } });
      await bench.end(first, {});
      const expected = { from: bench.slot(2), fencing: 1 };
      await bench.refused({ ...expected, target: { slot: bench.slot(2) } }, 'over');
      await bench.refused({ ...expected, target: { slot: bench.slot(1) } }, 'over');
    }),

    contract('refuses a worker that it does not know', async (bench) => {
      await bench.refused({ worker: 'nobody' }, 'unknown');
    }),

    contract(
      'answers a claim that is repeated with the same grant, whose lease is not longer',
      async (bench) => {
        const claim = bench.claim({});
        const first = await bench.coordinator.claim(claim);
        await bench.pass(SHORT);
        const again = await bench.coordinator.claim(claim);
        assert.ok(first.granted && again.granted);
        assert.deepEqual(
          [again.record.fencing, again.record.leaseUntil],
          [first.record.fencing, first.record.leaseUntil],
        );
      },
    ),

    contract(
      'does not revive a grant that was given back, or has run out, when its claim comes late',
      async (bench) => {
        const claim = bench.claim({ lease: SHORT });
        const grant = await bench.coordinator.claim(claim);
        assert.ok(grant.granted);
        await bench.pass(SHORT + 5);
        await bench.refusedAs('over', claim);
        await bench.end(grant, { kind: 'undone' });
        await bench.refusedAs('over', claim);
        await bench.granted({ ...bench.expecting(grant), target: { slot: bench.slot(1) } });
        await bench.refusedAs('stale', claim);
      },
    ),

    contract('grants to exactly one of many who claim in the same moment', async (bench) => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => bench.coordinator.claim(bench.claim({ replica: randomUUID() }))),
      );
      assert.equal(answers.filter(({ granted }) => granted).length, 1);
    }),

    contract(
      'lets another one try a slot whose holder fell silent, and tells of the lost run',
      async (bench) => {
        const first = await bench.granted({ lease: SHORT });
        await bench.pass(SHORT + 5);
        const second = await bench.granted({
          ...bench.expecting(first),
          replica: B,
          target: { slot: bench.slot(1) },
        });
        assert.deepEqual(
          [second.record.attempt, second.record.fencing, second.record.status.lostCount],
          [2, 2, 1],
        );
        const { startedAt, ...lost } = second.lost!;
        assert.deepEqual(lost, { runId: first.record.runId, replica: A, attempt: 1, slot: bench.slot(1) });
        assert.equal(startedAt, first.record.status.lastRun);
      },
    ),

    contract('tries a slot so often and no more, and then goes on with the next', async (bench) => {
      let grant = await bench.granted({ lease: SHORT, maxAttempts: 2 });
      await bench.pass(SHORT + 5);
      const target = { slot: bench.slot(1) };
      grant = await bench.granted({ ...bench.expecting(grant), lease: SHORT, maxAttempts: 2, target });
      await bench.pass(SHORT + 5);
      await bench.refused({ ...bench.expecting(grant), maxAttempts: 2, target }, 'exhausted');
      const next = await bench.granted({ ...bench.expecting(grant), target: { slot: bench.slot(2) } });
      assert.deepEqual([next.record.attempt, next.record.status.supersededCount], [1, 1]);
    }),

    contract('renews a lease for who has the last token, and keeps the progress', async (bench) => {
      const { record } = await bench.granted({ lease: SHORT });
      const held = { worker: 'w', runId: record.runId!, fencing: 1 };
      const answer = await bench.coordinator.heartbeat({
        ...held,
        lease: LONG,
        progress: { done: 1, total: 2 },
      });
      assert.ok(answer.leaseUntil! - answer.time > SHORT);
      assert.equal(answer.cancelRequested, false);
      const [now] = (await bench.coordinator.records()).records;
      assert.deepEqual(now!.status.progress, { done: 1, total: 2 });
      for (const other of [
        { ...held, fencing: 2 },
        { ...held, runId: randomUUID() },
        { ...held, worker: 'x' },
      ])
        assert.equal((await bench.coordinator.heartbeat({ ...other, lease: LONG })).leaseUntil, undefined);
    }),

    contract('renews no lease that was given back or taken over', async (bench) => {
      const first = await bench.granted({ lease: SHORT });
      const held = { worker: 'w', runId: first.record.runId!, fencing: 1, lease: LONG };
      await bench.pass(SHORT + 5);
      const second = await bench.granted({
        ...bench.expecting(first),
        replica: B,
        target: { slot: bench.slot(1) },
      });
      assert.equal((await bench.coordinator.heartbeat(held)).leaseUntil, undefined);
      await bench.end(second, {});
      const over = { ...held, runId: second.record.runId!, fencing: 2 };
      assert.equal((await bench.coordinator.heartbeat(over)).leaseUntil, undefined);
    }),

    contract('asks a run to end by its next heartbeat, and that run alone', async (bench) => {
      const first = await bench.granted({});
      const held = { worker: 'w', runId: first.record.runId!, fencing: 1, lease: LONG };
      await bench.coordinator.cancel('w', 7);
      assert.equal((await bench.coordinator.heartbeat(held)).cancelRequested, false);
      await bench.coordinator.cancel('w', 1);
      assert.equal((await bench.coordinator.heartbeat(held)).cancelRequested, true);
      const record = await bench.end(first, {});
      assert.equal(record!.cancelRequested, false);
    }),

    contract('lets a replica hear of who cancelled an active run there, and of no other', async (bench) => {
      const { record } = await bench.granted({});
      const runId = record.runId!;
      const by = { actor: "o'ann 💥", reason: 'too slow' };
      const heard = async (active: string[]) => [...(await bench.pulse([], { active })).cancellations];
      assert.deepEqual(await heard([runId]), []);
      const answer = await bench.coordinator.cancelRun(runId, by);
      assert.deepEqual([answer.known, answer.dropped], [true, undefined]);
      await bench.coordinator.cancelRun(runId, { actor: 'later' });
      assert.deepEqual(await heard([randomUUID(), runId]), [[runId, by]]);
      assert.deepEqual(await heard([randomUUID()]), []);
      assert.deepEqual(await heard([]), []);
      // Of a worker that the coordinator knows nothing of.
      const elsewhere = randomUUID();
      assert.equal((await bench.coordinator.cancelRun(elsewhere, {})).known, false);
      assert.deepEqual(await heard([elsewhere]), [[elsewhere, {}]]);
      await bench.pass(2);
      await bench.coordinator.prune(1);
      assert.deepEqual(await heard([runId]), []);
    }),

    contract(
      'drops a request that is cancelled while it waits, so that nobody is granted it',
      async (bench) => {
        const { id } = await bench.request({ trigger: 'manual' });
        const { known, dropped } = await bench.coordinator.cancelRun(id, { actor: 'ann' });
        assert.deepEqual([known, dropped?.worker, dropped?.trigger], [true, 'w', 'manual']);
        assert.ok(Number.isFinite(dropped?.requestedAt));
        const { requests, outcomes } = await bench.pulse([id]);
        assert.deepEqual([requests, outcomes.get(id)], [[], { dropped: true }]);
        await bench.refused({ runId: id, target: { request: id } }, 'over');
        assert.equal((await bench.coordinator.cancelRun(id, {})).dropped, undefined, 'once');
      },
    ),

    contract('counts a run that was cancelled neither as success nor as failure', async (bench) => {
      const first = await bench.granted({});
      const failed = bench.run(first.record, { outcome: 'failed', error: { message: 'bad' } });
      const { fencing, slot } = (await bench.end(first, { run: failed, delay: 'keep' }))!;
      const second = await bench.granted({ fencing, from: slot, target: { slot: bench.slot(2) } });
      const cancelled = bench.run(second.record, { outcome: 'cancelled', error: { message: 'by ann' } });
      const { status, done } = (await bench.end(second, { run: cancelled, delay: 'keep' }))!;
      assert.deepEqual(
        [done, status.runCount, status.consecutiveFailures, status.lastSuccess, status.lastError],
        [true, 2, 1, undefined, 'by ann'],
      );
    }),

    contract('writes what became of a run when it is given back, and frees the worker', async (bench) => {
      const first = await bench.granted({});
      const failed = bench.run(first.record, { outcome: 'failed', error: { message: "it's 💥" } });
      const afterFailure = (await bench.end(first, { run: failed, delay: 'keep' }))!;
      assert.deepEqual(
        [afterFailure.holder, afterFailure.leaseUntil, afterFailure.done],
        [undefined, undefined, true],
      );
      assert.deepEqual(
        [
          afterFailure.status.runCount,
          afterFailure.status.consecutiveFailures,
          afterFailure.status.lastError,
        ],
        [1, 1, "it's 💥"],
      );
      assert.equal(afterFailure.status.lastDurationMs, 5);
      assert.equal(afterFailure.status.lastSuccess, undefined);
      const second = await bench.granted({ ...bench.expecting(first), target: { slot: bench.slot(2) } });
      const afterSuccess = (await bench.end(second, {}))!;
      assert.deepEqual(
        [
          afterSuccess.status.runCount,
          afterSuccess.status.consecutiveFailures,
          afterSuccess.status.lastError,
        ],
        [2, 0, undefined],
      );
      assert.ok(afterSuccess.status.lastSuccess! >= second.time);
    }),

    contract('answers a release that is repeated with the same, and counts the run once', async (bench) => {
      const grant = await bench.granted({});
      await bench.end(grant, { tell: true });
      const again = await bench.end(grant, { tell: true });
      assert.equal(again!.status.runCount, 1);
      assert.equal(again!.revision, bench.record.revision + 1);
    }),

    contract('refuses the release of who was taken over, and writes nothing', async (bench) => {
      const first = await bench.granted({ lease: SHORT });
      await bench.pass(SHORT + 5);
      const taken = await bench.granted({
        ...bench.expecting(first),
        replica: B,
        target: { slot: bench.slot(1) },
      });
      assert.equal(await bench.end(first, {}), undefined);
      const [record] = (await bench.coordinator.records()).records;
      assert.deepEqual([record!.holder, record!.status.runCount], [B, 0]);
      assert.equal(record!.leaseUntil, taken.record.leaseUntil);
    }),

    contract(
      'takes the release of a lease that has run out, as long as nobody has taken over',
      async (bench) => {
        const first = await bench.granted({ lease: SHORT });
        await bench.pass(SHORT + 5);
        const record = await bench.end(first, {});
        assert.deepEqual([record!.done, record!.status.runCount, record!.status.lostCount], [true, 1, 0]);
      },
    ),

    contract('keeps a slot owed whose run was told to end, or never began', async (bench) => {
      const first = await bench.granted({});
      const undone = (await bench.end(first, { kind: 'undone' }))!;
      assert.deepEqual([undone.done, undone.owed, undone.status.runCount], [false, 2, 0]);
      const second = await bench.granted({ ...bench.expecting(first), target: { slot: bench.slot(1) } });
      assert.deepEqual([second.record.attempt, second.lost], [2, undefined]);
      const unrun = (await bench.end(second, { kind: 'unrun' }))!;
      assert.deepEqual([unrun.done, unrun.owed], [false, 2], 'the same attempt again');
      const third = await bench.granted({ ...bench.expecting(second), target: { slot: bench.slot(2) } });
      assert.equal(third.record.status.supersededCount, 1);
    }),

    contract('waits after a failure and runs the slot again, as often as it fails', async (bench) => {
      const first = await bench.granted({ maxAttempts: 1 });
      const run = bench.run(first.record, { outcome: 'failed', error: { message: 'no' } });
      const target = { slot: bench.slot(1) };
      const record = (await bench.end(first, { run, retry: true, delay: LONG }))!;
      assert.deepEqual([record.done, record.owed], [true, 2]);
      const { wait } = await bench.refused({ ...bench.expecting(first), target }, 'backing_off');
      assert.ok(wait > 0 && wait <= LONG);
      await bench.coordinator.control('w', { do: 'reschedule', timing: TIMING, slot: bench.slot(0) });
      await bench.refused({ ...bench.expecting(first), target }, 'over');
      const second = await bench.granted({ ...bench.expecting(first), target: { slot: bench.slot(2) } });
      await bench.end(second, { run, retry: true, delay: 0 });
      const third = await bench.granted({
        ...bench.expecting(second),
        maxAttempts: 1,
        target: { slot: bench.slot(2) },
      });
      assert.deepEqual([third.record.attempt, third.record.status.supersededCount], [2, 0]);
    }),

    contract(
      'skips the slots that passed while a run was on, but not those of one that is owed',
      async (bench) => {
        const first = await bench.granted({});
        const record = (await bench.end(first, { passed: { slot: bench.slot(3), skipped: 2 } }))!;
        assert.deepEqual([record.slot, record.status.skippedCount], [bench.slot(3), 2]);
        const second = await bench.granted({
          fencing: 1,
          from: bench.slot(3),
          target: { slot: bench.slot(4) },
        });
        const run = bench.run(second.record, { outcome: 'failed', error: { message: 'no' } });
        const owing = (await bench.end(second, {
          run,
          retry: true,
          passed: { slot: bench.slot(5), skipped: 1 },
        }))!;
        assert.deepEqual([owing.slot, owing.status.skippedCount], [bench.slot(4), 2]);
      },
    ),

    contract('takes no lease for runs that may overlap, and gives each a token', async (bench) => {
      const first = await bench.granted({ lease: undefined });
      assert.deepEqual(
        [first.record.holder, first.record.leaseUntil, first.record.done, first.record.owed],
        [A, undefined, true, undefined],
      );
      const second = await bench.granted({
        ...bench.expecting(first),
        replica: B,
        lease: undefined,
        target: { slot: bench.slot(2) },
      });
      assert.equal(second.record.fencing, 2);
      for (const grant of [first, second]) await bench.end(grant, { leased: false });
      const [record] = (await bench.coordinator.records()).records;
      assert.deepEqual([record!.status.runCount, record!.status.lostCount], [2, 0]);
    }),

    contract('pauses: no slot is granted, nothing is owed, and an active run goes on', async (bench) => {
      const first = await bench.granted({});
      const { record } = await bench.coordinator.control('w', { do: 'pause' });
      assert.deepEqual([record!.paused, record!.holder], [true, A]);
      await bench.end(first, { kind: 'undone' });
      const target = { slot: bench.slot(2) };
      await bench.refused({ ...bench.expecting(first), target }, 'paused');
      const resumed = await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(4) });
      assert.deepEqual(
        [
          resumed.record!.paused,
          resumed.record!.slot,
          resumed.record!.owed,
          resumed.record!.status.supersededCount,
        ],
        [false, bench.slot(4), undefined, 1],
      );
      assert.ok(resumed.record!.revision > record!.revision);
    }),

    contract('pauses and resumes once, however often it is told', async (bench) => {
      const one = await bench.coordinator.control('w', { do: 'pause' });
      const two = await bench.coordinator.control('w', { do: 'pause' });
      assert.equal(one.record!.revision, two.record!.revision);
      await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(2) });
      const again = await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(5) });
      assert.equal(again.record!.slot, bench.slot(2));
    }),

    contract('reschedules for all until the code itself changes', async (bench) => {
      const timing = '{"every":"5s","spacing":"delay"}';
      const { record, time } = await bench.coordinator.control('w', {
        do: 'reschedule',
        timing,
        slot: bench.slot(2),
        delay: 5_000,
      });
      assert.deepEqual([record!.timing, record!.definition, record!.slot], [timing, TIMING, bench.slot(2)]);
      assert.ok(Math.abs(record!.notBefore! - time - 5_000) < 1_000);
      assert.equal((await bench.enroll({})).timing, timing);
      assert.equal(
        (await bench.enroll({ timing: '{"every":"9s","spacing":"slot"}' })).timing,
        '{"every":"9s","spacing":"slot"}',
      );
      const nobody = await bench.coordinator.control('nobody', { do: 'pause' });
      assert.equal(nobody.record, undefined);
    }),

    contract('goes back to the clock when that has jumped back by more than was said', async (bench) => {
      const { time } = await bench.coordinator.records();
      const ahead = Math.ceil(time) + 10 * LONG;
      await bench.coordinator.control('w', { do: 'reschedule', timing: TIMING, slot: ahead });
      const claim = { from: ahead, target: { slot: bench.slot(1) } };
      await bench.refused({ ...claim, resetAhead: 20 * LONG }, 'over');
      const { record } = await bench.granted({ ...claim, resetAhead: LONG });
      assert.equal(record.slot, bench.slot(1));
    }),

    contract('hands on what a run was asked for with: null, nothing, any JSON', async (bench) => {
      const payloads = [undefined, null, 0, '', false, [], { for: ['you'] }];
      const asked = await Promise.all(
        payloads.map((payload) => bench.request({ payload, overlap: 'allow' })),
      );
      const waiting = new Map((await bench.pulse()).requests.map(({ id, payload }) => [id, payload]));
      assert.deepEqual(
        asked.map(({ id }) => waiting.get(id)),
        payloads,
      );
    }),

    contract('makes a run that was asked for once, also while the worker is paused', async (bench) => {
      await bench.coordinator.control('w', { do: 'pause' });
      const asked = await bench.request({ payload: { for: ['you'] } });
      const waiting = await bench.pulse();
      assert.deepEqual(
        waiting.requests.map(({ id, trigger, payload, attempts }) => ({ id, trigger, payload, attempts })),
        [{ id: asked.id, trigger: 'manual', payload: { for: ['you'] }, attempts: 0 }],
      );
      const target = { request: asked.id };
      const grant = await bench.granted({ runId: asked.id, target });
      assert.deepEqual([grant.record.requestId, grant.record.slot], [asked.id, bench.slot(0)]);
      assert.deepEqual((await bench.pulse()).requests, [], 'it is served');
      assert.equal((await bench.pulse([asked.id])).outcomes.size, 0);
      const run = bench.run(grant.record, {});
      await bench.end(grant, { run, requestId: asked.id });
      assert.deepEqual((await bench.pulse([asked.id])).outcomes.get(asked.id), { run });
      await bench.refused({ ...bench.expecting(grant), target }, 'over');
    }),

    contract(
      'tries a request again whose run did not come to its end, and drops it in the end',
      async (bench) => {
        const { id } = await bench.request({ maxAttempts: 2 });
        const first = await bench.granted({ lease: SHORT, target: { request: id } });
        await bench.pass(SHORT + 5);
        const [waiting] = (await bench.pulse()).requests;
        assert.deepEqual([waiting!.id, waiting!.attempts], [id, 1]);
        const second = await bench.granted({ ...bench.expecting(first), target: { request: id } });
        assert.deepEqual([second.record.attempt, second.lost!.slot], [2, undefined]);
        await bench.end(second, { kind: 'undone', requestId: id });
        assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { dropped: true });
        await bench.refused({ ...bench.expecting(second), target: { request: id } }, 'over');
      },
    ),

    contract('leaves a slot owed that a run on request comes before', async (bench) => {
      const slot = await bench.granted({});
      await bench.end(slot, { kind: 'undone' });
      const { id } = await bench.request({});
      const asked = await bench.granted({ ...bench.expecting(slot), target: { request: id } });
      const record = (await bench.end(asked, { requestId: id }))!;
      assert.deepEqual([record.done, record.owed, record.slot], [false, 2, bench.slot(1)]);
      const again = await bench.granted({ ...bench.expecting(asked), target: { slot: bench.slot(1) } });
      assert.equal(again.record.attempt, 2);
    }),

    contract('ends a retry when a run on request has succeeded', async (bench) => {
      const slot = await bench.granted({});
      const run = bench.run(slot.record, { outcome: 'failed', error: { message: 'no' } });
      await bench.end(slot, { run, retry: true, delay: LONG });
      const { id } = await bench.request({});
      const asked = await bench.granted({ ...bench.expecting(slot), target: { request: id } });
      const record = (await bench.end(asked, { requestId: id }))!;
      assert.deepEqual([record.owed, record.notBefore], [undefined, undefined]);
    }),

    contract('refuses a request while a run is active, if the policy skips', async (bench) => {
      await bench.granted({});
      const answer = await bench.coordinator.request(bench.asked({ overlap: 'skip' }));
      assert.deepEqual([answer.accepted, answer.reason, answer.record!.holder], [false, 'busy', A]);
      const queued = await bench.coordinator.request(bench.asked({ overlap: 'queueOne' }));
      assert.equal(queued.accepted, true);
      const nobody = await bench.coordinator.request(bench.asked({ worker: 'nobody' }));
      assert.deepEqual([nobody.accepted, nobody.reason], [false, 'unknown']);
    }),

    contract('drops a request that waits when a newer one comes, if the policy queues one', async (bench) => {
      const [first, second] = [bench.asked({ overlap: 'queueOne' }), bench.asked({ overlap: 'queueOne' })];
      await bench.coordinator.request(first);
      await bench.coordinator.request(second);
      const { requests, outcomes } = await bench.pulse([first.id, second.id]);
      assert.deepEqual(
        requests.map(({ id }) => id),
        [second.id],
      );
      assert.deepEqual([...outcomes], [[first.id, { dropped: true }]]);
    }),

    contract('takes a request that is repeated for the same, and an event for one', async (bench) => {
      const asked = bench.asked({ overlap: 'queueOne' });
      for (let i = 0; i < 2; i++) assert.equal((await bench.coordinator.request(asked)).accepted, true);
      assert.equal((await bench.pulse()).requests.length, 1);
      const event = { trigger: 'event' as const, eventId: 'e1', overlap: 'allow' as const };
      assert.equal((await bench.coordinator.request(bench.asked(event))).accepted, true);
      const again = await bench.coordinator.request(bench.asked(event));
      assert.deepEqual([again.accepted, again.reason], [false, 'known']);
      const many = await Promise.all(
        Array.from({ length: 8 }, () => bench.coordinator.request(bench.asked({ ...event, eventId: 'e2' }))),
      );
      assert.equal(many.filter(({ accepted }) => accepted).length, 1);
    }),

    contract('makes a run on request without a lease once, and tells what became of it', async (bench) => {
      const { id } = await bench.request({ overlap: 'allow' });
      const grant = await bench.granted({ runId: id, lease: undefined, target: { request: id } });
      const { requests, outcomes } = await bench.pulse([id]);
      assert.deepEqual([requests, outcomes.size], [[], 0]);
      const run = bench.run(grant.record, {});
      for (let i = 0; i < 2; i++) await bench.end(grant, { run, leased: false, requestId: id });
      assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { run });
      const [record] = (await bench.coordinator.records()).records;
      assert.equal(record!.status.runCount, 1);
    }),

    contract(
      'grants a run without a lease again to the replica whose claim is repeated, and to no other',
      async (bench) => {
        const { id } = await bench.request({ overlap: 'allow' });
        const claim = bench.claim({ runId: id, lease: undefined, target: { request: id } });
        for (let i = 0; i < 2; i++) {
          const answer = await bench.coordinator.claim(claim);
          assert.ok(answer.granted);
          assert.equal(answer.lost, undefined);
        }
        await bench.refusedAs('over', { ...claim, replica: B });
      },
    ),

    contract(
      'takes a run without a lease for dropped when nothing is heard of it any more',
      async (bench) => {
        const { id } = await bench.request({ overlap: 'allow' });
        await bench.granted({ runId: id, lease: undefined, target: { request: id } });
        await bench.pass(SHORT);
        const { outcomes } = await bench.pulse([id], { unleased: [id], silentAfter: SHORT / 2 });
        assert.equal(outcomes.size, 0);
        await bench.pass(SHORT);
        assert.equal((await bench.pulse([id])).outcomes.size, 0);
        const silent = await bench.pulse([id], { silentAfter: SHORT / 2 });
        assert.deepEqual(silent.outcomes.get(id), { dropped: true });
      },
    ),

    contract(
      'forgets requests that ended long ago, but not those that must never come again',
      async (bench) => {
        const [plain, forever] = [bench.asked({}), bench.asked({ eventId: `${FOREVER}start` })];
        for (const asked of [plain, forever]) {
          await bench.coordinator.request(asked);
          const [record] = (await bench.coordinator.records()).records;
          const grant = await bench.granted({ fencing: record!.fencing, target: { request: asked.id } });
          await bench.end(grant, { requestId: asked.id });
        }
        await bench.pass(SHORT);
        await bench.coordinator.prune(LONG);
        assert.ok('run' in (await bench.pulse([plain.id])).outcomes.get(plain.id)!);
        await bench.coordinator.prune(1);
        assert.deepEqual((await bench.pulse([plain.id])).outcomes.get(plain.id), { dropped: true });
        const again = await bench.coordinator.request(bench.asked({ eventId: `${FOREVER}start` }));
        assert.equal(again.reason, 'known');
      },
    ),

    contract('keeps who paused, resumed or rescheduled a worker, and when', async (bench) => {
      assert.equal(bench.record.lastChange, undefined);
      const control = async (change: Control) => {
        const { record } = await bench.coordinator.control('w', change);
        const { at, ...said } = record!.lastChange!;
        assert.ok(Math.abs(at - bench.slot(10)) < LONG, `at ${at}`);
        return said;
      };
      const [ann, bob] = [{ actor: 'ann 💥' }, { actor: 'bob' }];
      assert.deepEqual(await control({ do: 'pause', ...ann }), { change: 'paused', ...ann });
      assert.deepEqual(
        await control({ do: 'pause', ...bob }),
        { change: 'paused', ...ann },
        'it was paused before',
      );
      assert.deepEqual(await control({ do: 'resume', slot: bench.slot(1), ...bob }), {
        change: 'resumed',
        ...bob,
      });
      assert.deepEqual(await control({ do: 'resume', slot: bench.slot(1) }), { change: 'resumed', ...bob });
      assert.deepEqual(await control({ do: 'reschedule', timing: TIMING, slot: bench.slot(1) }), {
        change: 'rescheduled',
      });
      const [record] = (await bench.coordinator.records()).records;
      assert.equal(record!.lastChange!.change, 'rescheduled');
    }),

    contract('tells who asked for a run, also of one that was cancelled', async (bench) => {
      const { id } = await bench.request({ actor: 'ann' });
      const [told] = (await bench.pulse()).requests;
      assert.deepEqual([told!.id, told!.actor], [id, 'ann']);
      const { dropped } = await bench.coordinator.cancelRun(id, {});
      assert.equal(dropped!.actor, 'ann');
      await bench.request({});
      assert.equal((await bench.pulse()).requests[0]!.actor, undefined);
    }),

    contract('counts each slot that was begun once, however often it is tried', async (bench) => {
      assert.equal(bench.record.begun, 0);
      const first = await bench.granted({});
      assert.equal(first.record.begun, 1);
      await bench.end(first, { kind: 'undone' });
      const again = await bench.granted({ ...bench.expecting(first), target: { slot: bench.slot(1) } });
      assert.deepEqual([again.record.attempt, again.record.begun], [2, 1], 'it is tried again');
      await bench.end(again, {});
      const unrun = await bench.granted({ ...bench.expecting(again), target: { slot: bench.slot(2) } });
      assert.equal(unrun.record.begun, 2);
      assert.equal((await bench.end(unrun, { kind: 'unrun' }))!.begun, 1, 'it never began');
      const third = await bench.granted({ ...bench.expecting(unrun), target: { slot: bench.slot(2) } });
      assert.deepEqual([third.record.attempt, third.record.begun], [1, 2]);
      await bench.end(third, {});
      const late = { target: { slot: bench.slot(3) }, lease: undefined, begins: false };
      const over = await bench.granted({ ...bench.expecting(third), ...late });
      assert.equal(over.record.begun, 2, 'it is passed over');
    }),

    contract('counts of runs on request those of the start alone', async (bench) => {
      const manual = await bench.request({ overlap: 'allow' });
      const claim = { lease: undefined, runId: manual.id, target: { request: manual.id } };
      const first = await bench.granted(claim);
      assert.equal(first.record.begun, 0);
      const start = await bench.request({ overlap: 'allow', trigger: 'schedule' });
      const second = await bench.granted({
        ...bench.expecting(first),
        runId: start.id,
        target: { request: start.id },
      });
      assert.equal(second.record.begun, 1);
      await bench.end(second, { kind: 'undone', requestId: start.id });
      const third = await bench.granted({ ...bench.expecting(second), target: { request: start.id } });
      assert.deepEqual([third.record.attempt, third.record.begun], [2, 1]);
    }),

    contract('counts no run that never began without a lease', async (bench) => {
      const first = await bench.granted({ lease: undefined });
      const record = (await bench.end(first, { kind: 'unrun', leased: false, run: undefined, tell: true }))!;
      assert.deepEqual([record.begun, record.status.runCount, record.status.lastEnd], [0, 0, undefined]);
      assert.equal(record.revision, first.record.revision + 1);
    }),

    contract('tells of what a replica has not asked for, and of nothing else', async (bench) => {
      assert.deepEqual((await bench.pulse()).records, []);
      const grant = await bench.granted({});
      assert.deepEqual((await bench.pulse()).records, [], 'a run is no news');
      const held = { worker: 'w', runId: grant.record.runId!, fencing: 1 };
      await bench.coordinator.heartbeat({ ...held, lease: SHORT });
      await bench.pass(SHORT + 5);
      assert.deepEqual(
        (await bench.pulse()).records.map(({ name }) => name),
        ['w'],
        'a lease that ran out is',
      );
      const told = (await bench.end(grant, { tell: true }))!;
      assert.deepEqual((await bench.pulse()).records, [told], 'and what was to be told');
      const known = { ...NOTHING_KNOWN, revisions: new Map([['w', told.revision]]) };
      assert.deepEqual((await bench.coordinator.pulse(known)).records, []);
      assert.deepEqual((await bench.coordinator.pulse(NOTHING_KNOWN)).records, []);
    }),

    contract('names the replicas that claim, until nothing was heard of one for a while', async (bench) => {
      const hear = async (replica?: string, absentAfter = LONG) =>
        (await bench.coordinator.announce(replica, absentAfter)).members.toSorted();
      assert.deepEqual(await hear(), []);
      assert.deepEqual(await hear(A), [A]);
      assert.deepEqual(await hear(B), [A, B].toSorted());
      await bench.pass(SHORT + 5);
      assert.deepEqual(await hear(B, SHORT), [B]);
      assert.deepEqual(await hear(), [A, B].toSorted());
    }),

    contract('lists every worker by name', async (bench) => {
      await bench.enroll({ name: 'a' });
      const { records } = await bench.coordinator.records();
      assert.deepEqual(
        records.map(({ name }) => name),
        ['a', 'w'],
      );
    }),

    contract('lets the run with the last token write, and no older one', async (bench) => {
      const first = await bench.granted({ lease: SHORT });
      const held = { worker: 'w', runId: first.record.runId!, fencing: 1 };
      await bench.coordinator.assertCurrent(held, bench.manager);
      await bench.pass(SHORT + 5);
      await bench.coordinator.assertCurrent(held, bench.manager);
      await bench.granted({ ...bench.expecting(first), replica: B, target: { slot: bench.slot(1) } });
      await assert.rejects(bench.coordinator.assertCurrent(held, bench.manager), StaleRunError);
    }),
  ];
}

/** A worker `w` that is known, and short words for what can be done to it. */
class Bench {
  private constructor(
    readonly coordinator: Coordinator,
    readonly pass: CoordinatorSetup['pass'],
    readonly manager: TransactionRunner,
    private readonly start: number,
    readonly record: WorkerRecord,
  ) {}

  static async on({ coordinator, pass, manager }: CoordinatorSetup): Promise<Bench> {
    const { time } = await coordinator.records();
    // Ten slots that are all in the past.
    const start = Math.floor(time) - 10 * LONG;
    const { records } = await coordinator.enroll([{ name: 'w', timing: TIMING, slot: start }]);
    return new Bench(coordinator, pass, manager, start, records[0]!);
  }

  /** One that is past; 0 is where the worker begins. */
  slot(index: number): number {
    return this.start + index * LONG;
  }

  async enroll(given: { name?: string; timing?: string; slot?: number }): Promise<WorkerRecord> {
    const { records } = await this.coordinator.enroll([
      { name: 'w', timing: TIMING, slot: this.slot(0), ...given },
    ]);
    return records[0]!;
  }

  claim(given: Partial<Claim>): Claim {
    return {
      worker: 'w',
      runId: randomUUID(),
      replica: A,
      fencing: 0,
      from: this.slot(0),
      target: { slot: this.slot(1) },
      missed: 0,
      skipped: 0,
      lease: LONG,
      maxAttempts: 3,
      ...given,
    };
  }

  async granted(given: Partial<Claim>): Promise<ClaimAnswer & { granted: true }> {
    const answer = await this.coordinator.claim(this.claim(given));
    assert.ok(answer.granted, `refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  async refused(given: Partial<Claim>, reason: string): Promise<ClaimAnswer & { granted: false }> {
    return this.refusedAs(reason, this.claim(given));
  }

  async refusedAs(reason: string, claim: Claim): Promise<ClaimAnswer & { granted: false }> {
    const answer = await this.coordinator.claim(claim);
    assert.ok(!answer.granted, 'was granted');
    assert.equal(answer.reason, reason);
    return answer;
  }

  /** What a claim after that grant has to name. */
  expecting({ record }: ClaimAnswer & { granted: true }): Pick<Claim, 'fencing' | 'from'> {
    return { fencing: record.fencing, from: record.slot };
  }

  async end(
    { record }: ClaimAnswer & { granted: true },
    given: Partial<Release>,
  ): Promise<WorkerRecord | undefined> {
    const answer = await this.coordinator.release({
      worker: 'w',
      runId: record.runId!,
      fencing: record.fencing,
      kind: 'done',
      run: this.run(record, {}),
      leased: true,
      retry: false,
      delay: 0,
      tell: false,
      ...given,
    });
    return answer.record;
  }

  run({ runId, attempt }: WorkerRecord, given: Partial<EndedRun>): EndedRun {
    return {
      id: runId!,
      worker: 'w',
      replica: A,
      trigger: 'schedule',
      attempt,
      slot: new Date(this.slot(1)),
      scheduledAt: new Date(this.slot(1)),
      startedAt: new Date(this.slot(1) + 3),
      endedAt: new Date(this.slot(1) + 8),
      outcome: 'succeeded',
      ...given,
    };
  }

  asked(given: Partial<RunRequestInput>): RunRequestInput {
    return {
      id: randomUUID(),
      worker: 'w',
      trigger: 'manual',
      payload: undefined,
      overlap: 'skip',
      maxAttempts: 3,
      ...given,
    };
  }

  async request(given: Partial<RunRequestInput>): Promise<RunRequestInput> {
    const asked = this.asked(given);
    assert.equal((await this.coordinator.request(asked)).accepted, true);
    return asked;
  }

  pulse(awaited: string[] = [], { unleased = [], active = [], silentAfter = LONG }: Partial<Known> = {}) {
    const revisions = new Map([['w', this.record.revision]]);
    return this.coordinator.pulse({ revisions, awaited, unleased, active, silentAfter });
  }
}
