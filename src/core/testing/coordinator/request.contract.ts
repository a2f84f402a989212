import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../contract-case.js';
import { A, LONG, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

/** Of a `Coordinator`: runs that are asked for. */
export function requestContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'hands on what a run was asked for with: null, nothing, any JSON': async (bench) => {
      const payloads = [undefined, null, 0, '', false, [], { for: ['you'] }];
      const asked = await Promise.all(
        payloads.map((payload) => bench.request({ payload, overlap: 'allow' })),
      );
      const waiting = new Map((await bench.pulse()).requests.map(({ id, payload }) => [id, payload]));
      assert.deepEqual(
        asked.map(({ id }) => waiting.get(id)),
        payloads,
      );
    },

    'makes a run that was asked for once, also while the worker is paused': async (bench) => {
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
    },

    'tries a request again whose run did not come to its end, and drops it in the end': async (bench) => {
      const asked = { trigger: 'event', payload: { for: ['you'] }, actor: 'ann' } as const;
      const { id } = await bench.request({ maxAttempts: 2, ...asked });
      const first = await bench.granted({ lease: SHORT, target: { request: id } });
      await bench.pass(SHORT + 5);
      const [waiting] = (await bench.pulse()).requests;
      assert.deepEqual([waiting!.id, waiting!.attempts], [id, 1]);
      const second = await bench.granted({ ...bench.expecting(first), target: { request: id } });
      assert.deepEqual([second.record.attempt, second.lost!.slot], [2, undefined]);
      assert.deepEqual(second.lost!.request, asked);
      await bench.end(second, { kind: 'undone', requestId: id });
      assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { dropped: true });
      await bench.refused({ ...bench.expecting(second), target: { request: id } }, 'over');
    },

    'leaves a slot owed that a run on request comes before': async (bench) => {
      const slot = await bench.granted({});
      await bench.end(slot, { kind: 'undone' });
      const { id } = await bench.request({});
      const asked = await bench.granted({ ...bench.expecting(slot), target: { request: id } });
      const record = (await bench.end(asked, { requestId: id }))!;
      assert.deepEqual([record.done, record.owed, record.slot], [false, 2, bench.slot(1)]);
      const again = await bench.granted({ ...bench.expecting(asked), target: { slot: bench.slot(1) } });
      assert.equal(again.record.attempt, 2);
    },

    'ends a retry when a run on request has succeeded': async (bench) => {
      const slot = await bench.granted({});
      const run = bench.run(slot.record, { outcome: 'failed', error: { message: 'no' } });
      await bench.end(slot, { run, retry: true, delay: LONG });
      const { id } = await bench.request({});
      const asked = await bench.granted({ ...bench.expecting(slot), target: { request: id } });
      const record = (await bench.end(asked, { requestId: id }))!;
      assert.deepEqual([record.owed, record.notBefore], [undefined, undefined]);
    },

    'refuses a request while a run is active, if the policy skips': async (bench) => {
      await bench.granted({});
      const answer = await bench.coordinator.request(bench.asked({ overlap: 'skip' }));
      assert.deepEqual([answer.accepted, answer.reason, answer.record!.holder], [false, 'busy', A]);
      const queued = await bench.coordinator.request(bench.asked({ overlap: 'queueOne' }));
      assert.equal(queued.accepted, true);
      const nobody = await bench.coordinator.request(bench.asked({ worker: 'nobody' }));
      assert.deepEqual([nobody.accepted, nobody.reason], [false, 'unknown']);
    },

    'drops a request that waits when a newer one comes, if the policy queues one': async (bench) => {
      const [first, second] = [bench.asked({ overlap: 'queueOne' }), bench.asked({ overlap: 'queueOne' })];
      await bench.coordinator.request(first);
      await bench.coordinator.request(second);
      const { requests, outcomes } = await bench.pulse([first.id, second.id]);
      assert.deepEqual(
        requests.map(({ id }) => id),
        [second.id],
      );
      assert.deepEqual([...outcomes], [[first.id, { dropped: true }]]);
    },

    'takes a request that is repeated for the same, and an event for one': async (bench) => {
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
    },

    'tells who asked for a run, also of one that was cancelled': async (bench) => {
      const { id } = await bench.request({ actor: 'ann' });
      const [told] = (await bench.pulse()).requests;
      assert.deepEqual([told!.id, told!.actor], [id, 'ann']);
      const { dropped } = await bench.coordinator.cancelRun(id, {});
      assert.equal(dropped!.actor, 'ann');
      await bench.request({});
      assert.equal((await bench.pulse()).requests[0]!.actor, undefined);
    },

    'counts of runs on request those of the start alone': async (bench) => {
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
    },
  });
}
