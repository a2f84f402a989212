import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type DynamicModule, Injectable, Logger } from '@nestjs/common';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { gate } from '../../../test/support/gate.js';
import { NothingDueError } from '../../core/testing/testing.errors.js';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { WorkerModule } from '../../core/worker.module.js';
import { Transactions } from '../database/transaction.js';
import { DatabaseModule } from '../schema/database.module.js';
import { InMemoryScheduleStore } from './in-memory-schedule.store.js';
import { ScheduleStore } from './schedule.store.js';
import { UnknownScheduleError } from './schedule.errors.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

@Injectable()
class Reminders {
  behaviour: (context: ScheduledContext<string>) => unknown = () => {};
  readonly sent: string[] = [];

  @Scheduled('reminder', { timeout: '5m', backoff: '10s' })
  async remind(context: ScheduledContext<string>): Promise<void> {
    await this.behaviour(context);
    this.sent.push(`${context.key}: ${context.payload}`);
  }
}

describe.each(['memory', 'postgres'] as const)('WorkerTestHarness with stored schedules in %s', (store) => {
  let database: TestDatabase;
  let harness: WorkerTestHarness;
  let schedules: Schedules;
  let reminders: Reminders;

  beforeAll(async () => {
    if (store === 'postgres') database = await createTestDatabase();
  });
  afterAll(() => database?.drop());

  const databaseModule = (): DynamicModule[] =>
    store === 'postgres'
      ? [DatabaseModule.forRoot({ url: database.url, poolSize: 3, tables: 'schedules' })]
      : [];

  beforeEach(async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    harness = await WorkerTestHarness.create(
      {
        imports: [WorkerModule.forRoot(), ...databaseModule(), SchedulesModule.forRoot({ store })],
        providers: [Reminders],
      },
      { override: (builder) => builder.setLogger(false as never) },
    );
    schedules = harness.get(Schedules);
    reminders = harness.get(Reminders);
    if (store === 'postgres') await harness.get(Transactions).query('TRUNCATE schedules');
    for (const [key, minute] of [
      ['ada', 10],
      ['grace', 30],
    ] as const)
      await schedules.upsert({ handler: 'reminder', key, cron: `${minute} * * * *`, payload: 'stand-up' });
  });
  afterEach(async () => {
    await harness.close();
    jest.restoreAllMocks();
  });

  /** So many runs of schedules have started. */
  const until = async (runs: number): Promise<void> => {
    const started = () => harness.events.filter((event) => event.type === 'run.started' && event.run.key);
    while (started().length < runs) await harness.advance(0);
  };

  it('goes to the next run of a schedule, waits for its end, and until it is stored', async () => {
    const { slot } = (await schedules.get('reminder', 'ada'))!;
    const run = await harness.runNext('reminder', 'ada');
    expect(run).toMatchObject({
      worker: 'reminder',
      key: 'ada',
      outcome: 'succeeded',
      trigger: 'schedule',
      slot,
    });
    expect(run.fencingToken).toEqual(expect.any(Number));
    const after = await schedules.get('reminder', 'ada');
    expect(after).toMatchObject({ runs: 1, lastOutcome: 'succeeded', lastRun: run.id, state: 'active' });
    expect(after!.slot!.getTime() - slot!.getTime()).toBe(3_600_000);
    const second = await harness.runNext('reminder', 'ada');
    expect(second.slot).toEqual(after!.slot);
    expect(reminders.sent.filter((line) => line === 'ada: stand-up')).toHaveLength(2);
  });

  it('gives back the record of a run that failed, and goes on with the next attempt', async () => {
    reminders.behaviour = ({ attempt }) => {
      if (attempt < 3) throw new Error('no such mailbox');
    };
    const attempts = [];
    for (let n = 0; n < 3; n++) attempts.push(await harness.runNext('reminder', 'ada'));
    expect(attempts.map(({ attempt, outcome, trigger }) => [attempt, outcome, trigger])).toEqual([
      [1, 'failed', 'schedule'],
      [2, 'failed', 'retry'],
      [3, 'succeeded', 'retry'],
    ]);
    expect(new Set(attempts.map(({ slot }) => slot!.getTime())).size).toBe(1);
    expect(await schedules.get('reminder', 'ada')).toMatchObject({
      runs: 3,
      failures: 2,
      consecutiveFailures: 0,
    });
  });

  it('runs one now, beside its slots, also of one that is paused', async () => {
    await schedules.pause('reminder', 'ada');
    const run = await harness.run('reminder', 'ada');
    expect(run).toMatchObject({ key: 'ada', trigger: 'manual', outcome: 'succeeded' });
    expect(run.slot).toBeUndefined();
    expect(await schedules.get('reminder', 'ada')).toMatchObject({ runs: 1, turns: 0, state: 'paused' });
    await expect(harness.runNext('reminder', 'ada')).rejects.toThrow(NothingDueError);
    await schedules.resume('reminder', 'ada');
    expect(await harness.runNext('reminder', 'ada')).toMatchObject({ trigger: 'schedule' });
  });

  it('says what has no next run', async () => {
    const at = store === 'memory' ? '2026-01-01T01:00:00Z' : '2999-01-01T00:00:00Z';
    await schedules.upsert({ handler: 'reminder', key: 'once', at, payload: 'once' });
    await harness.runNext('reminder', 'once');
    await expect(harness.runNext('reminder', 'once')).rejects.toThrow(
      'Schedule "once" of "reminder" has no next run, it is ended',
    );
    await expect(harness.runNext('reminder', 'nobody')).rejects.toThrow(UnknownScheduleError);
    await expect(harness.run('reminder', 'nobody')).rejects.toThrow(UnknownScheduleError);
    await expect(harness.runNext('reminder')).rejects.toThrow('give the key');
    await expect(harness.run('reminder')).rejects.toThrow('give the key');
    await expect(harness.run('reminder', { key: 'ada' })).rejects.toThrow('give the key');
    await expect(harness.runNext('reminders', 'ada')).rejects.toThrow('reminders');
  });

  it('waits for all runs, and until their results are stored', async () => {
    const open = gate();
    reminders.behaviour = () => open.opened;
    const runs = ['ada', 'grace'].map((key) => harness.run('reminder', key));
    await until(2);
    open.open();
    await harness.idle();
    for (const key of ['ada', 'grace'])
      expect(await schedules.get('reminder', key)).toMatchObject({ runs: 1, lastOutcome: 'succeeded' });
    await Promise.all(runs);
  });

  it('finds the runs of a key in the history', async () => {
    for (const key of ['ada', 'grace', 'ada']) await harness.runNext('reminder', key);
    const runs = await harness.runs('reminder');
    expect(runs.map(({ key }) => key)).toEqual(['ada', 'grace', 'ada']);
  });

  it('closes while a run is active that never ends: its signal aborts', async () => {
    let aborted: unknown;
    reminders.behaviour = ({ signal }) =>
      new Promise(() => signal.addEventListener('abort', () => (aborted = signal.reason)));
    void harness.run('reminder', 'ada');
    await until(1);
    await harness.close();
    expect(String(aborted)).toContain('the application shuts down');
  });
});

describe('A test of an application with schedules in PostgreSQL', () => {
  it('may keep them in memory instead, where the clock of the test moves all', async () => {
    const harness = await WorkerTestHarness.create(
      {
        imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store: 'memory' })],
        providers: [Reminders],
      },
      { override: (builder) => builder.overrideProvider(ScheduleStore).useClass(InMemoryScheduleStore) },
    );
    await harness.get(Schedules).upsert({ handler: 'reminder', key: 'ada', every: '1h', payload: 'water' });
    await harness.advance('3h');
    expect(harness.get(Reminders).sent).toEqual(Array(3).fill('ada: water'));
    await harness.close();
  });
});
