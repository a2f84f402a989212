import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Claim } from '../../coordination/coordinator.js';
import { LocalCoordinator } from '../../coordination/local.coordinator.js';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { defineWorker, type WorkerDefinition } from '../../registry/worker-definition.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type Worker } from '../../worker/worker.js';
import { ClusterView } from './cluster-view.js';

const LEASE = 5_000;

describe('what a replica believes', () => {
  let clock: ManualClock;
  let coordinator: LocalCoordinator;

  beforeEach(() => {
    clock = new ManualClock();
    coordinator = new LocalCoordinator(clock);
  });

  const enrolled = async (options: Partial<Worker>): Promise<ClusterView> => {
    const checked = defineWorker({ name: 'w', interval: '10s', run: () => {}, ...options }, 'a test');
    const { definition } = checked as { definition: WorkerDefinition };
    const [record] = (
      await coordinator.enroll([
        { name: 'w', timing: storeTiming('10s', definition), slot: clock.now(), delay: 10_000 },
      ])
    ).records;
    return new ClusterView(definition, record!, clock.now());
  };
  const claim = async (
    view: ClusterView,
    options: Partial<Pick<Claim, 'maxAttempts' | 'lease'>>,
  ): Promise<void> => {
    const target = view.wanted(clock.now())!;
    const answer = await coordinator.claim({
      worker: 'w',
      runId: 'run',
      replica: 'another',
      ...view.claimOf(target),
      lease: LEASE,
      maxAttempts: 3,
      ...options,
    });
    expect(answer).toMatchObject({ granted: true });
  };
  const current = async (): Promise<WorkerRecord> => (await coordinator.records()).records[0]!;

  it('of a worker with spacing `delay` goes on an interval after the lease of a holder that is gone for good', async () => {
    const view = await enrolled({ spacing: 'delay', maxAttempts: 1 });
    await clock.advance('20s');
    await claim(view, { maxAttempts: 1 });
    view.learn(await current());
    await clock.advance(LEASE);
    expect(view.wanted(clock.now())).toBeUndefined();
    await clock.advance('9999ms');
    expect(view.wanted(clock.now())).toBeUndefined();
    await clock.advance('1ms');
    expect(view.wanted(clock.now())).toEqual({ slot: clock.now() });
  });

  it('of a worker with spacing `delay` counts the interval from the start where runs have no lease', async () => {
    const view = await enrolled({ spacing: 'delay', overlap: 'allow' });
    await clock.advance('35s');
    await claim(view, { lease: undefined });
    view.learn(await current());
    await clock.advance('9999ms');
    expect(view.wanted(clock.now())).toBeUndefined();
    await clock.advance('1ms');
    expect(view.wanted(clock.now())).toEqual({ slot: clock.now() });
  });

  it('of a worker that has had no slots before begins with the latest one', async () => {
    const view = await enrolled({ interval: 0, jitter: '1s' });
    const timing = storeTiming('10s', { jitter: '1s', spacing: 'slot' });
    view.learn({ ...(await current()), slot: -Infinity, timing });
    await clock.advance('20s');
    expect(view.nextAt(clock.now())).toBe(clock.now());
    expect(view.wanted(clock.now())).toEqual({ slot: view.latestDue(clock.now()) });
  });

  it('of slots that it has passed over is forgotten when the clock of the coordinator was set back', async () => {
    const view = await enrolled({});
    const before = clock.now();
    await clock.advance('1h');
    view.refusedAsHeld(view.wanted(clock.now())!, clock.now());
    expect(view.wanted(clock.now())).toBeUndefined();
    clock.setWall(before + 20_000);
    expect(view.wanted(clock.now())).toEqual({ slot: view.latestDue(clock.now()) });
  });

  it('of a slot that was owed and refused keeps no run with spacing `delay` from being made', async () => {
    const view = await enrolled({ spacing: 'delay' });
    await clock.advance('40s');
    const record = { ...(await current()), slot: clock.now(), owed: 2, done: false };
    view.learn(record);
    view.refusedAsHeld({ slot: record.slot }, clock.now());
    // Set back from behind that slot.
    const now = clock.now() - 20_000;
    view.learn({ ...record, owed: undefined, done: true, slot: now - 15_000, notBefore: now - 5_000 });
    expect(view.wanted(clock.now())).toEqual({ slot: now - 5_000 });
  });

  it('of a slot that was refused is forgotten with the run that was on then, also if the clock was set back', async () => {
    const view = await enrolled({ spacing: 'delay' });
    await clock.advance('20s');
    const before = await current();
    view.refusedAsHeld({ slot: clock.now() + 30_000 }, clock.now());
    view.learn({ ...before, fencing: 1, slot: clock.now(), notBefore: clock.now() + 5_000 });
    await clock.advance('5s');
    expect(view.wanted(clock.now())).toEqual({ slot: clock.now() });
  });
});
