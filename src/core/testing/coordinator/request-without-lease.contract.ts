import assert from 'node:assert/strict';
import { FOREVER } from '../../coordination/coordinator.js';
import { contract, type ContractCase } from '../contract-case.js';
import { B, LONG, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: runs that are asked for of a worker whose runs may overlap. */
export function requestWithoutLeaseContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'makes a run on request without a lease once, and tells what became of it': async (bench) => {
      const { id } = await bench.request({ overlap: 'allow' });
      const grant = await bench.granted({ runId: id, lease: undefined, target: { request: id } });
      const { requests, outcomes } = await bench.pulse([id]);
      assert.deepEqual([requests, outcomes.size], [[], 0]);
      const run = bench.run(grant.record, {});
      for (let i = 0; i < 2; i++) await bench.end(grant, { run, leased: false, requestId: id });
      assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { run });
      const [record] = (await bench.coordinator.records()).records;
      assert.equal(record!.status.runCount, 1);
    },

    'grants a run without a lease again to the replica whose claim is repeated, and to no other': async (
      bench,
    ) => {
      const { id } = await bench.request({ overlap: 'allow' });
      const claim = bench.claim({ runId: id, lease: undefined, target: { request: id } });
      for (let i = 0; i < 2; i++) {
        const answer = await bench.coordinator.claim(claim);
        assert.ok(answer.granted);
        assert.equal(answer.lost, undefined);
      }
      await bench.refusedAs('over', { ...claim, replica: B });
    },

    'takes a run without a lease for dropped when nothing is heard of it any more': async (bench) => {
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

    'forgets requests that ended long ago, but not those that must never come again': async (bench) => {
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

    'counts no run that never began without a lease': async (bench) => {
      const first = await bench.granted({ lease: undefined });
      const record = (await bench.end(first, { kind: 'unrun', leased: false, run: undefined, tell: true }))!;
      assert.deepEqual([record.begun, record.status.runCount, record.status.lastEnd], [0, 0, undefined]);
      assert.equal(record.revision, first.record.revision + 1);
    },
  });
}
