import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { contract, type ContractCase } from '../contract-case.js';
import { B, LONG, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: leases that are renewed, and runs that are asked to end. */
export function heartbeatContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'renews a lease for who has the last token, and keeps the progress': async (bench) => {
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
    },

    'renews no lease that was given back or taken over': async (bench) => {
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
    },

    'asks a run to end by its next heartbeat, and that run alone': async (bench) => {
      const first = await bench.granted({});
      const held = { worker: 'w', runId: first.record.runId!, fencing: 1, lease: LONG };
      await bench.coordinator.cancel('w', 7);
      assert.equal((await bench.coordinator.heartbeat(held)).cancelRequested, false);
      await bench.coordinator.cancel('w', 1);
      assert.equal((await bench.coordinator.heartbeat(held)).cancelRequested, true);
      const record = await bench.end(first, {});
      assert.equal(record!.cancelRequested, false);
    },

    'lets a replica hear of who cancelled an active run there, and of no other': async (bench) => {
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
    },

    'drops a request that is cancelled while it waits, so that nobody is granted it': async (bench) => {
      const { id } = await bench.request({ trigger: 'manual' });
      const { known, dropped } = await bench.coordinator.cancelRun(id, { actor: 'ann' });
      assert.deepEqual([known, dropped?.worker, dropped?.trigger], [true, 'w', 'manual']);
      assert.ok(Number.isFinite(dropped?.requestedAt));
      const { requests, outcomes } = await bench.pulse([id]);
      assert.deepEqual([requests, outcomes.get(id)], [[], { dropped: true }]);
      await bench.refused({ runId: id, target: { request: id } }, 'over');
      assert.equal((await bench.coordinator.cancelRun(id, {})).dropped, undefined, 'once');
    },

    'counts a run that was cancelled neither as success nor as failure': async (bench) => {
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
    },
  });
}
