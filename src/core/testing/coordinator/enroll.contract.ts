import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../contract-case.js';
import { TIMING, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: what is kept of a worker that is made known. */
export function enrollContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'makes a record of a worker that is new, from which its slots begin': async (bench) => {
      const { record } = bench;
      assert.equal(record.slot, bench.slot(0));
      assert.deepEqual(
        [record.done, record.owed, record.fencing, record.paused, record.timing, record.definition],
        [true, undefined, 0, false, TIMING, TIMING],
      );
      assert.equal(record.status.runCount, 0);
    },

    'keeps the record of a worker that is made known again, as it is': async (bench) => {
      await bench.granted({});
      const again = await bench.enroll({ slot: bench.slot(5) });
      assert.deepEqual([again.slot, again.fencing], [bench.slot(1), 1]);
    },

    'begins anew from the given slot when the schedule of the code has changed': async (bench) => {
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
    },

    'takes a worker whose slots have no beginning': async (bench) => {
      const { records } = await bench.coordinator.enroll([{ name: 'once', timing: TIMING, slot: -Infinity }]);
      assert.equal(records[0]!.slot, -Infinity);
      const claim = bench.claim({ worker: 'once', from: -Infinity, target: { slot: bench.slot(1) } });
      assert.ok((await bench.coordinator.claim(claim)).granted);
    },
  });
}
