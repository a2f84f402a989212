import assert from 'node:assert/strict';
import { NOTHING_KNOWN } from '../../coordination/coordinator.js';
import { contract, type ContractCase } from '../contract-case.js';
import { A, B, LONG, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: what a replica hears of all workers and of other replicas. */
export function pulseContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'tells of what a replica has not asked for, and of nothing else': async (bench) => {
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
    },

    'names the replicas that claim, until nothing was heard of one for a while': async (bench) => {
      const hear = async (replica?: string, absentAfter = LONG) =>
        (await bench.coordinator.announce(replica, absentAfter)).members.toSorted();
      assert.deepEqual(await hear(), []);
      assert.deepEqual(await hear(A), [A]);
      assert.deepEqual(await hear(B), [A, B].toSorted());
      await bench.pass(SHORT + 5);
      assert.deepEqual(await hear(B, SHORT), [B]);
      assert.deepEqual(await hear(), [A, B].toSorted());
    },

    'lists every worker by name': async (bench) => {
      await bench.enroll({ name: 'a' });
      const { records } = await bench.coordinator.records();
      assert.deepEqual(
        records.map(({ name }) => name),
        ['a', 'w'],
      );
    },

    'lists each as it is, after every change of it': async (bench) => {
      const listed = async () => (await bench.coordinator.records()).records;
      assert.deepEqual(await listed(), [bench.record]);
      const other = await bench.enroll({ name: 'a' });
      assert.deepEqual(await listed(), [other, bench.record]);
      const grant = await bench.granted({});
      assert.deepEqual(await listed(), [other, grant.record], 'granted');
      const held = { worker: 'w', runId: grant.record.runId!, fencing: grant.record.fencing };
      await bench.coordinator.heartbeat({ ...held, lease: LONG, progress: { done: 1, total: 2 } });
      assert.deepEqual((await listed())[1]!.status.progress, { done: 1, total: 2 });
      await bench.coordinator.cancel('w', grant.record.fencing);
      assert.equal((await listed())[1]!.cancelRequested, true);
      const ended = await bench.end(grant, {});
      assert.deepEqual(await listed(), [other, ended], 'given back');
      const { record } = await bench.coordinator.control('a', { do: 'pause' });
      assert.deepEqual(await listed(), [record, ended], 'paused');
      assert.deepEqual(await listed(), [record, ended], 'asked again');
    },
  });
}
