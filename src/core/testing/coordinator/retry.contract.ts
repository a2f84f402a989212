import assert from 'node:assert/strict';
import { type ClaimAnswer, type Release, type RunRequestInput } from '../../coordination/coordinator.js';
import { type EndedRun } from '../../history/run.js';
import { contract, type ContractCase } from '../contract-case.js';
import { type Bench, LONG, SHORT, benchOf, type CoordinatorSetup } from './coordinator-bench.js';

type Grant = ClaimAnswer & { granted: true };

const EVENT = { trigger: 'event' as const, overlap: 'queueOne' as const };
const NOTHING: readonly string[] = [];

/** Of a `Coordinator`: runs for events that failed, and are tried again after a while. */
export function retryContract(setup: () => Promise<CoordinatorSetup>): ContractCase[] {
  return contract(benchOf(setup), {
    'tries the run of an event again that failed, with its payload': async (bench) => {
      const { id } = await bench.request({ ...EVENT, payload: { for: ['you'] } });
      const first = await serve(bench, id);
      await fail(bench, first, { requestId: id, delay: 1 });
      await bench.pass(SHORT);
      const [waiting] = (await bench.pulse()).requests;
      assert.deepEqual([waiting!.id, waiting!.payload, waiting!.attempts], [id, { for: ['you'] }, 1]);
      assert.deepEqual([...(await bench.pulse([id])).outcomes], [], 'it is open');
      const second = await serve(bench, id, first);
      assert.deepEqual([second.record.attempt, second.record.requestId, second.lost], [2, id, undefined]);
      assert.deepEqual(await waitingOf(bench), NOTHING, 'it is served');
      const run = bench.run(second.record, {});
      await bench.end(second, { run, requestId: id });
      assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { run });
      assert.deepEqual(await waitingOf(bench), NOTHING);
    },

    'does not try it again before the time, which it tells': async (bench) => {
      const { id } = await bench.request(EVENT);
      const first = await serve(bench, id);
      const record = (await fail(bench, first, { requestId: id, delay: LONG }))!;
      const [waiting] = (await bench.pulse()).requests;
      assert.deepEqual([waiting!.id, waiting!.notBefore], [id, record.notBefore]);
      await bench.refused({ ...bench.expecting(first), target: { request: id } }, 'over');
    },

    'tries it again as often as it fails; the limit is for runs that do not come to their end': async (
      bench,
    ) => {
      const { id } = await bench.request({ ...EVENT, maxAttempts: 1 });
      let grant = await serve(bench, id);
      for (const attempt of [2, 3, 4]) {
        await fail(bench, grant, { requestId: id, delay: 0 });
        grant = await serve(bench, id, grant);
        assert.equal(grant.record.attempt, attempt);
      }
      await bench.end(grant, { kind: 'undone', requestId: id });
      assert.deepEqual(await waitingOf(bench), NOTHING);
      assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { dropped: true });
    },

    'writes the failure once, when its release is repeated': async (bench) => {
      const { id } = await bench.request(EVENT);
      const first = await serve(bench, id);
      for (let i = 0; i < 2; i++) await fail(bench, first, { requestId: id, delay: 0 });
      const second = await serve(bench, id, first);
      await fail(bench, first, { requestId: id, delay: 0 });
      assert.deepEqual(await waitingOf(bench), NOTHING, 'the second is active');
      const [record] = (await bench.coordinator.records()).records;
      assert.deepEqual([record!.status.runCount, record!.holder], [1, second.record.holder]);
    },

    'the same without a lease': async (bench) => {
      const { id } = await bench.request({ ...EVENT, overlap: 'allow' });
      const first = await serve(bench, id, undefined, { lease: undefined, runId: id });
      for (let i = 0; i < 2; i++) await fail(bench, first, { leased: false, requestId: id, delay: 0 });
      assert.deepEqual(await waitingOf(bench), [id]);
      await bench.pulse([], { unleased: [id] });
      assert.deepEqual(await waitingOf(bench), [id], 'who said so had not heard of the failure');
      const second = await serve(bench, id, first, { lease: undefined });
      assert.equal(second.record.attempt, 2);
      await fail(bench, first, { leased: false, requestId: id, delay: 0 });
      assert.deepEqual(await waitingOf(bench), NOTHING, 'the second is active');
      const [record] = (await bench.coordinator.records()).records;
      assert.equal(record!.status.runCount, 1);
    },

    'tries a slot again without a lease, unless a newer one has begun beside it': async (bench) => {
      const lease = { lease: undefined };
      const older = await bench.granted(lease);
      const newer = await bench.granted({
        ...lease,
        ...bench.expecting(older),
        target: { slot: bench.slot(2) },
      });
      const after = (await fail(bench, older, { leased: false, delay: 0 }))!;
      assert.deepEqual([after.done, after.owed], [true, undefined]);
      const owed = (await fail(bench, newer, { leased: false, delay: 0 }))!;
      assert.deepEqual([owed.done, owed.owed], [true, 2]);
      const again = await bench.granted({
        ...lease,
        ...bench.expecting(newer),
        target: { slot: bench.slot(2) },
      });
      assert.deepEqual([again.record.attempt, again.record.owed], [2, undefined]);
    },

    'gives a retry up when another run has succeeded': async (bench) => {
      const { id, grant } = await failed(bench);
      const manual = await bench.request({ overlap: 'queueOne' });
      assert.deepEqual(await waitingOf(bench), [id, manual.id], 'a newer one does not drop it');
      const other = await serve(bench, manual.id, grant);
      await bench.end(other, { requestId: manual.id });
      assert.deepEqual(await waitingOf(bench), NOTHING);
    },

    'keeps a retry when another run has failed or was cancelled that is not tried again': async (bench) => {
      const { id, grant } = await failed(bench);
      let last = grant;
      for (const outcome of ['failed', 'cancelled'] as const) {
        const manual = await bench.request({ overlap: 'queueOne' });
        last = await serve(bench, manual.id, last);
        const run = bench.run(last.record, { outcome, error: { message: 'no' } });
        await bench.end(last, { run, requestId: manual.id, delay: 'keep' });
      }
      assert.deepEqual(await waitingOf(bench), [id]);
    },

    'has one retry at a time, that of the newest failure': async (bench) => {
      const { id, grant } = await failed(bench);
      const event = await bench.request(EVENT);
      assert.deepEqual(await waitingOf(bench), [id, event.id]);
      const second = await serve(bench, event.id, grant);
      await fail(bench, second, { requestId: event.id, delay: LONG });
      assert.deepEqual(await waitingOf(bench), [event.id]);
      assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { dropped: true });
    },

    'gives up the retry of a slot when an event has failed since': async (bench) => {
      const slot = await bench.granted({});
      await fail(bench, slot, { delay: LONG });
      const { id } = await bench.request(EVENT);
      const event = await serve(bench, id, slot);
      const record = (await fail(bench, event, { requestId: id, delay: LONG }))!;
      assert.deepEqual([record.done, record.owed], [true, undefined]);
      assert.deepEqual(await waitingOf(bench), [id]);
    },

    'leaves a slot owed whose run did not come to its end, also when an event fails': async (bench) => {
      const slot = await bench.granted({});
      await bench.end(slot, { kind: 'undone' });
      const { id } = await bench.request(EVENT);
      const event = await serve(bench, id, slot);
      const record = (await fail(bench, event, { requestId: id, delay: LONG }))!;
      assert.deepEqual([record.done, record.owed], [false, 2]);
    },

    'leaves the place of a retry to a newer slot': async (bench) => {
      const { grant } = await failed(bench, 0);
      const slot = await bench.granted(bench.expecting(grant));
      assert.deepEqual(await waitingOf(bench), NOTHING);
      await bench.end(slot, { kind: 'undone' });
      assert.deepEqual(await waitingOf(bench), NOTHING);
    },

    'gives the place of a retry to an event that has waited for the end of the run': async (bench) => {
      for (const target of ['slot', 'event'] as const) {
        const [record] = (await bench.coordinator.records()).records;
        const from = { fencing: record!.fencing, from: record!.slot };
        const first = target === 'event' ? await bench.request(EVENT) : undefined;
        const grant = await bench.granted({ ...from, ...(first && { target: { request: first.id } }) });
        const waits = await bench.request(EVENT);
        const after = (await fail(bench, grant, {
          ...(first && { requestId: first.id }),
          delay: LONG,
        }))!;
        assert.equal(after.owed, undefined);
        const { requests, outcomes } = await bench.pulse(first ? [first.id] : []);
        assert.deepEqual(
          requests.map(({ id, attempts, notBefore }) => ({ id, attempts, notBefore })),
          [{ id: waits.id, attempts: 0, notBefore: after.notBefore }],
        );
        if (first) assert.equal('run' in outcomes.get(first.id)!, true);
        await bench.refused({ ...bench.expecting(grant), target: { request: waits.id } }, 'over');
        await bench.coordinator.cancelRun(waits.id, {});
      }
    },

    'does not keep a run waiting that was triggered by hand': async (bench) => {
      const { id } = await bench.request(EVENT);
      const first = await serve(bench, id);
      const manual = await bench.request({ overlap: 'queueOne' });
      await fail(bench, first, { requestId: id, delay: LONG });
      assert.deepEqual(await waitingOf(bench), [id, manual.id]);
      await serve(bench, manual.id, first);
    },

    'gives a retry up when its worker is paused or rescheduled, and not when it is resumed': async (
      bench,
    ) => {
      const reschedule = { do: 'reschedule', timing: '{"every":"2m","spacing":"slot"}', slot: 0 } as const;
      for (const change of [{ do: 'pause' } as const, reschedule]) {
        const { id } = await failed(bench);
        assert.deepEqual(await waitingOf(bench), [id]);
        await bench.coordinator.control('w', change);
        assert.deepEqual(await waitingOf(bench), NOTHING);
        assert.deepEqual((await bench.pulse([id])).outcomes.get(id), { dropped: true });
        await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(0) });
      }
      const { id } = await failed(bench);
      await bench.coordinator.control('w', { do: 'resume', slot: bench.slot(0) });
      assert.deepEqual(await waitingOf(bench), [id]);
    },

    'tries nothing again of a worker that was paused meanwhile': async (bench) => {
      const { id } = await bench.request(EVENT);
      const event = await serve(bench, id);
      await bench.coordinator.control('w', { do: 'pause' });
      const record = (await fail(bench, event, { requestId: id, delay: LONG }))!;
      assert.equal(record.notBefore, undefined);
      assert.deepEqual(await waitingOf(bench), NOTHING);
      assert.equal('run' in (await bench.pulse([id])).outcomes.get(id)!, true);
    },

    'cancels a retry by the id of the first run, or of the last': async (bench) => {
      const { id, grant } = await failed(bench, 0);
      const second = await serve(bench, id, grant);
      const { notBefore } = (await fail(bench, second, { requestId: id, delay: LONG }))!;
      const { known, dropped } = await bench.coordinator.cancelRun(second.record.runId!, {});
      assert.deepEqual(
        [known, dropped],
        [true, { worker: 'w', trigger: 'retry', attempt: 3, requestedAt: notBefore }],
      );
      assert.deepEqual(await waitingOf(bench), NOTHING);
      const other = await failed(bench);
      assert.equal((await bench.coordinator.cancelRun(other.id, {})).dropped!.attempt, 2);
      assert.deepEqual(await waitingOf(bench), NOTHING);
    },

    'cancels the retry of a slot by the id of the run': async (bench) => {
      const slot = await bench.granted({});
      const { notBefore } = (await fail(bench, slot, { delay: LONG }))!;
      const { dropped } = await bench.coordinator.cancelRun(slot.record.runId!, {});
      assert.deepEqual(dropped, { worker: 'w', trigger: 'retry', attempt: 2, requestedAt: notBefore });
      const [record] = (await bench.coordinator.records()).records;
      assert.deepEqual([record!.done, record!.owed], [true, undefined]);
      assert.deepEqual(
        await bench.coordinator.cancelRun(slot.record.runId!, {}).then(({ known }) => known),
        false,
      );
    },
  });
}

/** Claims a request. @param after the last grant */
function serve(
  bench: Bench,
  id: string,
  after?: Grant,
  given: Parameters<Bench['granted']>[0] = {},
): Promise<Grant> {
  return bench.granted({ ...(after && bench.expecting(after)), target: { request: id }, ...given });
}

/** Its run fails, and is to be tried again. */
function fail(bench: Bench, grant: Grant, given: Partial<Release>) {
  const run: EndedRun = bench.run(grant.record, { outcome: 'failed', error: { message: 'no' } });
  return bench.end(grant, { run, retry: true, tell: true, ...given });
}

/** A retry waits. */
async function failed(bench: Bench, delay = LONG): Promise<RunRequestInput & { grant: Grant }> {
  const asked = await bench.request(EVENT);
  const [record] = (await bench.coordinator.records()).records;
  const grant = await bench.granted({
    fencing: record!.fencing,
    from: record!.slot,
    target: { request: asked.id },
  });
  await fail(bench, grant, { requestId: asked.id, delay });
  return { ...asked, grant };
}

async function waitingOf(bench: Bench): Promise<string[]> {
  return (await bench.pulse()).requests.map(({ id }) => id);
}
