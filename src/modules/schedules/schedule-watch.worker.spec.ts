import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import { Incidents } from '../../core/incidents/incidents.js';
import { IncidentsModule } from '../../core/incidents/incidents.module.js';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { WorkerModule } from '../../core/worker.module.js';
import { ScheduleStore } from './schedule.store.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

@Injectable()
class Reminders {
  works = false;

  @Scheduled('reminder', { backoff: '10s' })
  remind({ key }: ScheduledContext): void {
    if (!this.works && key.startsWith('bad')) throw new Error(`no mailbox of ${key}`);
  }
}

describe('the watch over stored schedules', () => {
  let harness: WorkerTestHarness;
  let told: string[];
  afterEach(async () => {
    await harness.close();
    jest.restoreAllMocks();
  });

  async function start(): Promise<Schedules> {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    told = [];
    harness = await WorkerTestHarness.create({
      imports: [
        WorkerModule.forRoot(),
        IncidentsModule.forRoot({
          onIncident: ({ kind, subject, condition }, type) =>
            told.push(`${type} ${kind} ${subject} ${condition}`),
        }),
        SchedulesModule.forRoot({ store: 'memory' }),
      ],
      providers: [Reminders],
    });
    return harness.get(Schedules);
  }
  const set = (schedules: Schedules, key: string) =>
    schedules.upsert({ handler: 'reminder', key, every: '30s' });
  const summaries = async (): Promise<string[]> => {
    const open = await harness.get(Incidents).find({ open: true, limit: 100 });
    return open.filter(({ kind }) => kind === 'schedules').map(({ summary }) => summary);
  };

  it('opens one incident of a handler whose schedules fail again and again, and closes it when it works', async () => {
    const schedules = await start();
    for (const key of ['bad a', 'bad b', 'good']) await set(schedules, key);
    await harness.advance('3m');
    expect(told).toEqual(['incident.opened schedules reminder failing']);
    expect(await summaries()).toEqual([
      expect.stringMatching(
        /^\d schedules? of "reminder" fails?, such as "bad [ab]", \d times in a row: no mailbox of bad [ab]$/,
      ),
    ]);
    harness.get(Reminders).works = true;
    await harness.advance('5m');
    expect(told).toEqual([
      'incident.opened schedules reminder failing',
      'incident.closed schedules reminder failing',
    ]);
  });

  it('tells of a handler that fails for many at a time, before one has failed again and again', async () => {
    const schedules = await start();
    for (let n = 0; n < 12; n++)
      await schedules.upsert({ handler: 'reminder', key: `bad ${n}`, at: new Date(harness.clock.now()) });
    await harness.advance('15s');
    expect(await summaries()).toEqual([
      expect.stringMatching(/^12 schedules of "reminder" fail, such as "bad 0", /),
    ]);
  });

  it('tells of no single failure, nor of what is paused', async () => {
    const schedules = await start();
    await schedules.upsert({ handler: 'reminder', key: 'bad', every: '30s' });
    await harness.advance('35s');
    await schedules.pause('reminder', 'bad');
    await harness.advance('10m');
    expect((await schedules.get('reminder', 'bad'))?.consecutiveFailures).toBeGreaterThan(0);
    expect(told).toEqual([]);
  });

  it('opens one of a handler that no replica has, however many wait for it, until they are removed', async () => {
    const schedules = await start();
    for (const key of ['x', 'y']) await schedules.upsert({ handler: 'gone', key, every: '1h' });
    await harness.advance('1m');
    expect(told).toEqual(['incident.opened schedules gone unknown_handler']);
    expect(await summaries()).toEqual([
      expect.stringMatching(
        /^No replica has the handler "gone", and 2 schedules wait for it, such as "[xy]": deploy it, or remove them$/,
      ),
    ]);
    await harness.advance('3h');
    for (const key of ['x', 'y']) await schedules.remove('gone', key);
    await harness.advance('1m');
    expect(told).toEqual([
      'incident.opened schedules gone unknown_handler',
      'incident.closed schedules gone unknown_handler',
    ]);
  });

  it('tells of a payload that cannot be read', async () => {
    const schedules = await start();
    const turn = { slot: harness.clock.now(), plannedAt: harness.clock.now() };
    await harness
      .get(ScheduleStore)
      .upsert([
        { handler: 'reminder', key: 'odd', timing: '{"every":30000}', payload: 'no JSON', group: null, turn },
      ]);
    await harness.advance('3m');
    expect(await summaries()).toEqual([expect.stringContaining('The payload of schedule "odd" is no JSON')]);
    await schedules.upsert({ handler: 'reminder', key: 'odd', every: '30s', payload: 'mended' });
    await harness.advance('2m');
    expect(await summaries()).toEqual([]);
  });
});

describe('an application without incidents', () => {
  it('has no watch over its schedules', async () => {
    const harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store: 'memory' })],
    });
    expect(harness.workers().map(({ name }) => name)).toEqual(['schedules']);
    await harness.close();
  });
});
