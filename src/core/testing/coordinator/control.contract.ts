import assert from 'node:assert/strict';
import { type Control } from '../../coordination/coordinator.js';
import { contract, type ContractCase } from '../contract-case.js';
import { A, LONG, TIMING, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: workers that are paused, resumed and rescheduled. */
export function controlContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'pauses: no slot is granted, nothing is owed, and an active run goes on': async (bench) => {
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
    },

    'pauses and resumes once, however often it is told': async (bench) => {
      const one = await bench.coordinator.control('w', { do: 'pause' });
      const two = await bench.coordinator.control('w', { do: 'pause' });
      assert.equal(one.record!.revision, two.record!.revision);
      await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(2) });
      const again = await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(5) });
      assert.equal(again.record!.slot, bench.slot(2));
    },

    'reschedules for all until the code itself changes': async (bench) => {
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
    },

    'goes back to the clock when that has jumped back by more than was said': async (bench) => {
      const { time } = await bench.coordinator.records();
      const ahead = Math.ceil(time) + 10 * LONG;
      await bench.coordinator.control('w', { do: 'reschedule', timing: TIMING, slot: ahead });
      const claim = { from: ahead, target: { slot: bench.slot(1) } };
      await bench.refused({ ...claim, resetAhead: 20 * LONG }, 'over');
      const { record } = await bench.granted({ ...claim, resetAhead: LONG });
      assert.equal(record.slot, bench.slot(1));
    },

    'counts slots that a worker backed off for as skipped, when it is paused or rescheduled': async (
      bench,
    ) => {
      const control = async (change: Control) => (await bench.coordinator.control('w', change)).record!;
      const first = await bench.granted({});
      await bench.end(first, { kind: 'done', retry: true, delay: LONG });
      const { fencing } = first.record;
      const late = { fencing: fencing - 1, slot: bench.slot(9), skipped: 9 };
      const refused = await control({ do: 'reschedule', timing: TIMING, slot: bench.slot(2), passed: late });
      assert.deepEqual([refused.slot, refused.status.skippedCount], [bench.slot(2), 0]);
      const passed = { fencing, slot: bench.slot(4), skipped: 2 };
      const rescheduled = await control({ do: 'reschedule', timing: TIMING, slot: bench.slot(3), passed });
      assert.deepEqual([rescheduled.slot, rescheduled.status.skippedCount], [bench.slot(4), 2]);
      const paused = await control({ do: 'pause', passed: { fencing, slot: bench.slot(5), skipped: 1 } });
      assert.deepEqual([paused.slot, paused.status.skippedCount], [bench.slot(5), 3]);
    },

    'counts no slots as skipped while a run is active': async (bench) => {
      const { record } = await bench.granted({});
      const passed = { fencing: record.fencing, slot: bench.slot(4), skipped: 3 };
      const paused = await bench.coordinator.control('w', { do: 'pause', passed });
      assert.deepEqual([paused.record!.slot, paused.record!.status.skippedCount], [record.slot, 0]);
    },

    'keeps who paused, resumed or rescheduled a worker, and when': async (bench) => {
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
    },
  });
}
