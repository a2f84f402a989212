import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../contract-case.js';
import { B, LONG, SHORT, TIMING, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: what a run that has ended leaves. */
export function releaseContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'writes what became of a run when it is given back, and frees the worker': async (bench) => {
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
    },

    'answers a release that is repeated with the same, and counts the run once': async (bench) => {
      const grant = await bench.granted({});
      await bench.end(grant, { tell: true });
      const again = await bench.end(grant, { tell: true });
      assert.equal(again!.status.runCount, 1);
      assert.equal(again!.revision, bench.record.revision + 1);
    },

    'refuses the release of who was taken over, and writes nothing': async (bench) => {
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
    },

    'takes the release of a lease that has run out, as long as nobody has taken over': async (bench) => {
      const first = await bench.granted({ lease: SHORT });
      await bench.pass(SHORT + 5);
      const record = await bench.end(first, {});
      assert.deepEqual([record!.done, record!.status.runCount, record!.status.lostCount], [true, 1, 0]);
    },

    'keeps a slot owed whose run was told to end, or never began': async (bench) => {
      const first = await bench.granted({});
      const undone = (await bench.end(first, { kind: 'undone' }))!;
      assert.deepEqual([undone.done, undone.owed, undone.status.runCount], [false, 2, 0]);
      const second = await bench.granted({ ...bench.expecting(first), target: { slot: bench.slot(1) } });
      assert.deepEqual([second.record.attempt, second.lost], [2, undefined]);
      const unrun = (await bench.end(second, { kind: 'unrun' }))!;
      assert.deepEqual([unrun.done, unrun.owed], [false, 2], 'the same attempt again');
      const third = await bench.granted({ ...bench.expecting(second), target: { slot: bench.slot(2) } });
      assert.equal(third.record.status.supersededCount, 1);
    },

    'waits after a failure and runs the slot again, as often as it fails': async (bench) => {
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
    },
  });
}
