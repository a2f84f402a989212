import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, type Workers } from '../../../test/support/workers.js';
import { type Enrolment } from '../coordination/coordinator.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { type Worker } from '../worker/worker.js';

class Counting extends LocalCoordinator {
  readonly enrolled: number[] = [];

  override enroll(workers: readonly Enrolment[]) {
    this.enrolled.push(workers.length);
    return super.enroll(workers);
  }
}

class Asked extends InMemoryRunStore {
  readonly asked: number[] = [];

  override lastSlots(workers: readonly string[]): Promise<Map<string, Date>> {
    this.asked.push(workers.length);
    return Promise.resolve(new Map());
  }
}

describe('workers that are registered at run time', () => {
  let workers: Workers;
  afterEach(() => workers.close());
  const some = (count: number, from = 0): Worker[] =>
    Array.from({ length: count }, (_, i) => ({ name: `w${from + i}`, interval: '1h', run: () => {} }));

  it('are made known to a cluster in batches, each once', async () => {
    const clock = new ManualClock();
    const coordinator = new Counting(clock);
    workers = await startWorkers([], { coordination: coordinator }, clock);
    coordinator.enrolled.length = 0;
    for (const worker of some(600)) workers.scheduler.register(worker);
    await clock.advance('10ms');
    for (const worker of some(600, 600)) workers.scheduler.register(worker);
    await clock.advance('5s');
    expect(coordinator.enrolled.reduce((sum, n) => sum + n, 0)).toBe(1_200);
    expect(coordinator.enrolled.length).toBeLessThanOrEqual(8);
    expect((await coordinator.records()).records).toHaveLength(1_200);
  });

  it('are caught up by one query for those of a turn, and none in a cluster', async () => {
    const history = new Asked();
    workers = await startWorkers([], { history });
    await workers.clock.advance('10ms');
    history.asked.length = 0;
    for (const worker of some(500)) workers.scheduler.register(worker);
    await workers.clock.advance('1s');
    expect(history.asked).toEqual([500]);
    await workers.close();

    const clock = new ManualClock();
    const inCluster = new Asked();
    workers = await startWorkers(
      [],
      { history: inCluster, coordination: new LocalCoordinator(clock) },
      clock,
    );
    inCluster.asked.length = 0;
    for (const worker of some(500)) workers.scheduler.register(worker);
    await clock.advance('1s');
    expect(inCluster.asked).toEqual([]);
  });

  it('are not made known when they were taken away before', async () => {
    const clock = new ManualClock();
    const coordinator = new Counting(clock);
    workers = await startWorkers([], { coordination: coordinator }, clock);
    workers.scheduler.register(some(1)[0]!);
    await workers.scheduler.unregister('w0');
    workers.scheduler.register(some(1)[0]!);
    await clock.advance('1s');
    expect(workers.scheduler.workerByName('w0')).toMatchObject({ state: 'idle', running: true });
    expect((await coordinator.records()).records).toHaveLength(1);
  });
});
