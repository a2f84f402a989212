import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { contract, type ContractCase } from '../contract-case.js';
import { A, B, LONG, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: who is granted a slot, and which. */
export function claimContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'grants the next slot to one, with the next token and a lease': async (bench) => {
      const { time, record } = await bench.granted({ missed: 3, skipped: 2 });
      assert.deepEqual(
        [record.slot, record.fencing, record.attempt, record.holder, record.done, record.owed],
        [bench.slot(1), 1, 1, A, false, 2],
      );
      assert.ok(record.leaseUntil! - time > LONG - 5_000 && record.leaseUntil! - time <= LONG);
      assert.deepEqual([record.status.missedCount, record.status.skippedCount], [3, 2]);
    },

    'refuses what another one holds, and says for how long': async (bench) => {
      const { record } = await bench.granted({});
      const answer = await bench.refused(
        { replica: B, fencing: 1, from: bench.slot(1), target: { slot: bench.slot(2) } },
        'held',
      );
      assert.ok(answer.wait > 0 && answer.wait <= LONG);
      assert.deepEqual([answer.record!.runId, answer.record!.holder], [record.runId, A]);
    },

    'refuses who does not know the last slot or token, and says what they are': async (bench) => {
      const first = await bench.granted({});
      await bench.end(first, {});
      const target = { slot: bench.slot(2) };
      const answer = await bench.refused({ replica: B, target }, 'stale');
      const { slot: from, fencing } = answer.record!;
      await bench.refused({ target, from, fencing: 0 }, 'stale');
      await bench.refused({ target, from: bench.slot(0), fencing }, 'stale');
      await bench.granted({ target, from, fencing });
    },

    'refuses a slot before its time, and says how long that is': async (bench) => {
      const { time } = await bench.coordinator.records();
      const slot = Math.ceil(time) + 30_000;
      const { wait, time: then } = await bench.refused({ target: { slot } }, 'too_early');
      assert.ok(wait > 0 && Math.abs(then + wait - slot) < 1_000);
    },

    'refuses a slot that was run, and one from before the last': async (bench) => {
      const first = await bench.granted({ target: { slot: bench.slot(2) } });
      await bench.end(first, {});
      const expected = { from: bench.slot(2), fencing: 1 };
      await bench.refused({ ...expected, target: { slot: bench.slot(2) } }, 'over');
      await bench.refused({ ...expected, target: { slot: bench.slot(1) } }, 'over');
    },

    'refuses a worker that it does not know': async (bench) => {
      await bench.refused({ worker: 'nobody' }, 'unknown');
    },

    'answers a claim that is repeated with the same grant, whose lease is not longer': async (bench) => {
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

    'does not revive a grant that was given back, or has run out, when its claim comes late': async (
      bench,
    ) => {
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

    'grants to exactly one of many who claim in the same moment': async (bench) => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => bench.coordinator.claim(bench.claim({ replica: randomUUID() }))),
      );
      assert.equal(answers.filter(({ granted }) => granted).length, 1);
    },

    'lets another one try a slot whose holder fell silent, and tells of the lost run': async (bench) => {
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

    'tries a slot so often and no more, and then goes on with the next': async (bench) => {
      let grant = await bench.granted({ lease: SHORT, maxAttempts: 2 });
      await bench.pass(SHORT + 5);
      const target = { slot: bench.slot(1) };
      grant = await bench.granted({ ...bench.expecting(grant), lease: SHORT, maxAttempts: 2, target });
      await bench.pass(SHORT + 5);
      await bench.refused({ ...bench.expecting(grant), maxAttempts: 2, target }, 'exhausted');
      const next = await bench.granted({ ...bench.expecting(grant), target: { slot: bench.slot(2) } });
      assert.deepEqual([next.record.attempt, next.record.status.supersededCount], [1, 1]);
    },

    'skips the slots that passed while a run was on, but not those of one that is owed': async (bench) => {
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

    'takes no lease for runs that may overlap, and gives each a token': async (bench) => {
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
    },

    'counts each slot that was begun once, however often it is tried': async (bench) => {
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
    },
  });
}
