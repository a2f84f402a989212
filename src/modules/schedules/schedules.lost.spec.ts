import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { WorkerModule } from '../../core/worker.module.js';
import { InMemoryScheduleStore } from './in-memory-schedule.store.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

const HANDLER = 'job';
const HOUR = 3_600_000;

describe('a schedule whose replica has died', () => {
  let clock: ManualClock;
  let store: InMemoryScheduleStore;
  let harness: WorkerTestHarness | undefined;
  let seen: string[];

  beforeEach(() => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    clock = new ManualClock();
    store = new InMemoryScheduleStore(clock);
    seen = [];
  });
  afterEach(async () => {
    await harness?.close();
    harness = undefined;
    jest.restoreAllMocks();
  });

  const schedule = (key: string, plannedAt: number) => {
    const turn = { slot: plannedAt, plannedAt };
    return store.upsert([
      { handler: HANDLER, key, timing: `{"every":${HOUR}}`, payload: null, group: null, turn },
    ]);
  };
  /** A replica claims all that is due, starts those, and dies. */
  const die = async (...started: string[]) => {
    const options = { limits: new Map([[HANDLER, 10]]), horizon: 0, lease: 1_000, replica: 'dead' };
    const { claims } = await store.claim(options);
    for (const claim of claims) if (claim.claims > 1 && started.includes(claim.key)) await store.begin(claim);
    await clock.advance(1_001);
  };
  const start = async () => {
    @Injectable()
    class Jobs {
      @Scheduled(HANDLER, { maxAttempts: 3 })
      run({ key, attempt, trigger }: ScheduledContext): void {
        seen.push(`${key} ${trigger} ${attempt}`);
      }
    }
    harness = await WorkerTestHarness.create(
      { imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store })], providers: [Jobs] },
      { clock },
    );
    await harness.advance('1s');
    return harness.get(Schedules);
  };

  it('is not tried again after its last attempt, and has the outcome lost', async () => {
    for (const key of ['bad', 'good']) await schedule(key, clock.now());
    for (let deaths = 0; deaths < 4; deaths++) await die('bad');
    const schedules = await start();
    expect(seen).toEqual(['good retry 2']);
    expect(await schedules.get(HANDLER, 'bad')).toMatchObject({
      lastOutcome: 'lost',
      lastError: expect.stringContaining('it is not tried again'),
      runs: 1,
      failures: 1,
      attempt: 1,
      turns: 1,
    });
  });

  it('is still run by hand, however often another one ended the replica that had claimed both', async () => {
    for (const key of ['bad', 'good']) {
      await schedule(key, clock.now() + HOUR);
      await store.trigger(HANDLER, key, undefined);
    }
    for (let deaths = 0; deaths < 4; deaths++) await die('bad');
    const schedules = await start();
    expect(seen).toEqual(['good manual 2']);
    expect(await schedules.get(HANDLER, 'bad')).toMatchObject({ lastOutcome: 'lost', failures: 1 });
    // The slots that are still to come have all of their attempts.
    for (const key of ['bad', 'good'])
      expect(await schedules.get(HANDLER, key)).toMatchObject({ attempt: 1, turns: 0, runs: 1 });
  });

  it('has all attempts for its slot when a run by hand was begun more than once', async () => {
    await schedule('a', clock.now() + HOUR);
    await store.trigger(HANDLER, 'a', undefined);
    for (let deaths = 0; deaths < 2; deaths++) await die('a');
    const schedules = await start();
    expect(seen).toEqual(['a manual 3']);
    expect(await schedules.get(HANDLER, 'a')).toMatchObject({ attempt: 1, lastOutcome: 'succeeded' });
  });
});
