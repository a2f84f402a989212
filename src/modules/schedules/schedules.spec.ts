import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { RunContext } from '../../core/worker/run-context.js';
import { WorkerModule } from '../../core/worker.module.js';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { type Schedule } from './schedule.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

interface Reminder {
  to: string;
}

/** What a test wants a run to do. */
type Behaviour = (context: ScheduledContext<Reminder>) => unknown;

@Injectable()
class Reminders {
  behaviour: Behaviour = () => {};
  readonly seen: { key: string; at: string; attempt: number; trigger: string }[] = [];

  @Scheduled('reminder', { timeout: '5m', maxAttempts: 3, backoff: { initial: '10s' } })
  remind(context: ScheduledContext<Reminder>): unknown {
    const { key, scheduledAt, attempt, trigger } = context;
    this.seen.push({ key, at: scheduledAt.toISOString().slice(11), attempt, trigger });
    return this.behaviour(context);
  }
}

const CYCLE: Record<string, unknown> = {};
CYCLE.of = CYCLE;
const UNREADABLE = {
  toJSON: () => {
    throw new Error('no JSON of this');
  },
};

describe('Schedules', () => {
  let harness: WorkerTestHarness | undefined;
  afterEach(async () => {
    await harness?.close();
    harness = undefined;
  });

  const start = async (providers: (new () => object)[] = [Reminders]) => {
    harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store: 'memory' })],
      providers,
    });
    const schedules = harness.get(Schedules);
    const reminders = providers.includes(Reminders) ? harness.get(Reminders) : new Reminders();
    const get = async (key = 'ada'): Promise<Schedule> => (await schedules.get('reminder', key))!;
    return { harness, schedules, reminders, get };
  };

  it('runs the handler at every slot of the schedule, with its payload', async () => {
    const { harness, schedules, reminders, get } = await start();
    const payloads: unknown[] = [];
    reminders.behaviour = ({ payload, fencingToken }) => payloads.push([payload, typeof fencingToken]);
    await schedules.upsert({
      handler: 'reminder',
      key: 'ada',
      cron: '*/10 * * * *',
      payload: { to: 'Ada', since: new Date(0) },
    });
    await harness.advance('35m');
    expect(reminders.seen.map(({ at }) => at)).toEqual(['00:10:00.000Z', '00:20:00.000Z', '00:30:00.000Z']);
    expect(payloads).toEqual(Array(3).fill([{ to: 'Ada', since: '1970-01-01T00:00:00.000Z' }, 'number']));
    const { runs, lastOutcome, nextRun, state } = await get();
    expect([runs, lastOutcome, nextRun?.toISOString(), state]).toEqual([
      3,
      'succeeded',
      '2026-01-01T00:40:00.000Z',
      'active',
    ]);
  });

  it('runs an interval from its start on, and spreads those without one over the interval', async () => {
    const { harness, schedules, reminders } = await start();
    await schedules.upsert({
      handler: 'reminder',
      key: 'from noon',
      every: '1h',
      startsAt: '2026-01-01T12:00:00Z',
    });
    for (let n = 0; n < 50; n++)
      await schedules.upsert({ handler: 'reminder', key: `spread ${n}`, every: '1h' });
    await harness.advance('1h');
    expect(reminders.seen).toHaveLength(50);
    expect(new Set(reminders.seen.map(({ at }) => at)).size).toBeGreaterThan(40);
    reminders.seen.length = 0;
    await harness.advance('13h');
    expect(reminders.seen.filter(({ key }) => key === 'from noon').map(({ at }) => at)).toEqual([
      '12:00:00.000Z',
      '13:00:00.000Z',
      '14:00:00.000Z',
    ]);
  });

  it('goes by the time zone of the schedule', async () => {
    const { harness, schedules, reminders } = await start();
    await schedules.upsert({ handler: 'reminder', key: 'utc', cron: '0 9 * * *' });
    await schedules.upsert({ handler: 'reminder', key: 'tokyo', cron: '0 9 * * *', timeZone: 'Asia/Tokyo' });
    await harness.advance('25h');
    expect(reminders.seen.map(({ key, at }) => [key, at])).toEqual(
      [
        ['tokyo', '00:00:00.000Z'],
        ['utc', '09:00:00.000Z'],
      ].sort((a, b) => (a[1]! < b[1]! ? 1 : -1)),
    );
  });

  it('runs an instant once, one that has passed at once, and keeps the schedule as ended', async () => {
    const { harness, schedules, reminders, get } = await start();
    await schedules.upsert({ handler: 'reminder', key: 'ada', at: '2026-01-01T01:00:00Z' });
    await schedules.upsert({ handler: 'reminder', key: 'past', at: '2025-12-31T01:00:00Z' });
    await harness.advance('1s');
    expect(reminders.seen.map(({ key }) => key)).toEqual(['past']);
    await harness.advance('3h');
    expect(reminders.seen.map(({ key }) => key)).toEqual(['past', 'ada']);
    expect(await get()).toMatchObject({ state: 'ended', runs: 1, nextRun: undefined });
    await schedules.upsert({ handler: 'reminder', key: 'ada', at: '2026-01-01T01:00:00Z' });
    await harness.advance('1h');
    expect(reminders.seen).toHaveLength(2);
  });

  it('takes a changed timing from now on, and a removed schedule runs no more', async () => {
    const { harness, schedules, reminders } = await start();
    await schedules.upsert({ handler: 'reminder', key: 'ada', cron: '0 * * * *' });
    await harness.advance('90m');
    await schedules.upsert({ handler: 'reminder', key: 'ada', cron: '45 * * * *' });
    await harness.advance('1h');
    expect(reminders.seen.map(({ at }) => at)).toEqual(['01:00:00.000Z', '01:45:00.000Z']);
    expect(await schedules.remove('reminder', 'ada')).toBe(true);
    await harness.advance('5h');
    expect(reminders.seen).toHaveLength(2);
  });

  it('tries a failed slot again after a wait that grows, up to its attempts, and goes on', async () => {
    const { harness, schedules, reminders, get } = await start();
    reminders.behaviour = () => {
      throw new Error('no such mailbox');
    };
    await schedules.upsert({ handler: 'reminder', key: 'ada', cron: '0 * * * *' });
    await harness.advance('61m');
    expect(reminders.seen.map(({ at, attempt, trigger }) => [at, attempt, trigger])).toEqual([
      ['01:00:00.000Z', 1, 'schedule'],
      ['01:00:10.000Z', 2, 'retry'],
      ['01:00:30.000Z', 3, 'retry'],
    ]);
    expect(await get()).toMatchObject({
      consecutiveFailures: 3,
      failures: 3,
      lastOutcome: 'failed',
      lastError: 'no such mailbox',
      attempt: 1,
      slot: new Date('2026-01-01T02:00:00Z'),
    });
    reminders.behaviour = () => {};
    await harness.advance('1h');
    expect(await get()).toMatchObject({
      consecutiveFailures: 0,
      lastOutcome: 'succeeded',
      lastError: undefined,
    });
  });

  it('aborts a run at its timeout', async () => {
    const { harness, schedules, reminders, get } = await start();
    reminders.behaviour = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await schedules.upsert({ handler: 'reminder', key: 'ada', cron: '0 * * * *' });
    await harness.advance('64m');
    expect(await get()).toMatchObject({ state: 'running', runs: 0 });
    await harness.advance('1m');
    expect(await get()).toMatchObject({ lastOutcome: 'timed_out', runs: 1 });
  });

  it('never runs a schedule twice at a time: slots that come meanwhile count as missed', async () => {
    const { harness, schedules, reminders, get } = await start();
    let end!: () => void;
    reminders.behaviour = () => new Promise<void>((resolve) => (end = resolve));
    await schedules.upsert({ handler: 'reminder', key: 'ada', cron: '* * * * *' });
    await harness.advance(210_000);
    expect(reminders.seen).toHaveLength(1);
    end();
    await harness.advance('1s');
    expect(await get()).toMatchObject({ missed: 2, runs: 1, slot: new Date('2026-01-01T00:04:00Z') });
    await harness.advance('1m');
    expect(reminders.seen.map(({ at }) => at)).toEqual(['00:01:00.000Z', '00:04:00.000Z']);
    end();
  });

  it('keeps the failure of one from all others', async () => {
    const { harness, schedules, reminders, get } = await start();
    reminders.behaviour = ({ key }) => {
      if (key === 'bad') throw new Error('bad');
    };
    for (const key of ['bad', 'good'])
      await schedules.upsert({ handler: 'reminder', key, cron: '0 * * * *' });
    await harness.advance('10h');
    expect(await get('good')).toMatchObject({ runs: 10, failures: 0 });
    expect((await get('bad')).failures).toBeGreaterThan(10);
  });

  it('is recorded as any run is', async () => {
    const { harness, schedules } = await start();
    await schedules.upsert({ handler: 'reminder', key: 'ada', cron: '0 * * * *', payload: { to: 'Ada' } });
    await harness.advance('1h');
    await harness.idle();
    const [run] = await harness.runs('reminder');
    expect(run).toMatchObject({ worker: 'reminder', outcome: 'succeeded', trigger: 'schedule', attempt: 1 });
    expect(harness.events.map(({ type, worker }) => [type, worker])).toContainEqual([
      'run.succeeded',
      'reminder',
    ]);
  });

  it('gives the run its context, and nothing of the caller who wrote the schedule', async () => {
    const { harness, schedules, reminders } = await start();
    const workers: (string | undefined)[] = [];
    reminders.behaviour = async () => {
      await Promise.resolve();
      workers.push(RunContext.current()?.worker);
    };
    await schedules.upsert({ handler: 'reminder', key: 'ada', at: new Date(0) });
    await harness.advance('1s');
    expect(workers).toEqual(['reminder']);
  });

  it.each([
    [{}, 'it does not say when: give one of every, cron and at'],
    [{ every: '1m', cron: '* * * * *' }, 'it has every and cron: give one of them'],
    [{ every: '10ms' }, 'every: 10 ms is less than 1000 ms'],
    [{ cron: 'often' }, "cron: 'often' is not a cron expression"],
    [{ cron: '0 0 31 2 *' }, 'never comes'],
    [{ cron: '* * * * *', timeZone: 'Mars/Base' }, "'Mars/Base' is not a time zone"],
    [{ every: '1m', timeZone: 'UTC' }, 'timeZone: it belongs to cron'],
    [{ at: 'tomorrow' }, 'at: tomorrow is no instant'],
    [{ at: new Date(NaN) }, 'is no instant'],
    [{ at: new Date(0), limit: 2 }, 'limit: it bounds a row of slots'],
    [{ every: '1m', limit: 0 }, 'limit: 0 is not a whole number of 1 or more'],
    [{ every: '1m', until: '2020-01-01T00:00:00Z' }, 'until: no slot comes before it'],
    [{ every: '1m', startsAt: '2027-01-01T00:00:00Z', until: '2026-06-01T00:00:00Z' }, 'is before startsAt'],
    [{ every: '1m', payload: 1n }, 'payload: it cannot be written as JSON'],
    [{ every: '1m', payload: 'a\0b' }, 'payload: a text in it has a NUL character'],
    [{ every: '1m', payload: 'x'.repeat(70_000) }, 'payload: its JSON has 70002 characters'],
    [{ every: '1m', key: '' }, 'key: an empty text is no key'],
    [{ every: '1m', key: 7 }, 'key: 7 is no key: give a text'],
    [{ every: '1m', key: 1n }, 'key: 1 is no key: give a text'],
    [{ every: 1n }, 'every: 1 is not a duration'],
    [{ every: Object.create(null) }, 'every: [object Object] is not a duration'],
    [{ cron: `${'* '.repeat(500_000)}` }, 'is not a cron expression'],
    [{ every: '1m', limit: 2n }, 'limit: 2 is not a whole number'],
    [{ every: '1m', payload: CYCLE }, 'payload: it cannot be written as JSON'],
    [{ every: '1m', payload: { text: '\ud83d' } }, 'payload: a text in it has half a character'],
    [{ every: '1m', payload: () => 1 }, 'payload: a function is no JSON'],
    [{ every: '1m', payload: 'x'.repeat(1_000_000) }, 'payload: its JSON has 1000002 characters'],
    [{ every: '1m', payload: UNREADABLE }, 'payload: it cannot be written as JSON (no JSON of this)'],
    [{ every: '1m', key: '.' }, 'key: "." names no schedule in a path'],
    [{ every: '1m', key: '..' }, 'key: ".." names no schedule in a path'],
    [{ every: '1m', handler: '..' }, 'handler: ".." names no schedule in a path'],
    [{ every: '1m', catchUp: 0 }, 'catchUp: 0 ms is less than 1000 ms'],
    [{ every: '1m', catchUp: '999ms' }, 'catchUp: 999 ms is less than 1000 ms'],
    [{ at: '2026-02-30T09:00:00Z' }, 'at: 2026-02-30T09:00:00Z is no instant'],
    [{ every: '1m', key: 'x'.repeat(301) }, 'has more than 300 characters'],
    [{ every: '1m', key: 'a\0' }, 'key: holds a NUL character'],
    [{ every: '1m', evry: 1 }, 'evry: unknown option: did you mean every?'],
  ])('refuses what cannot be (%#)', async (input, message) => {
    const { schedules } = await start();
    const upsert = schedules.upsert({ handler: 'reminder', key: 'ada', ...input } as never);
    await expect(upsert).rejects.toThrow(message);
    await expect(upsert).rejects.toHaveProperty('name', 'InvalidInputError');
    expect(String(await upsert.catch((error: Error) => error.message)).length).toBeLessThan(1_000);
  });

  it.each([
    [{ store: 'redis' }, 'store: "redis" is none of postgres, memory'],
    [{ store: null }, 'store: null is none of postgres, memory'],
    [{ lease: '1s' }, 'lease: 1000 ms is less than 2000 ms'],
    [{ lease: 'long' }, "lease: 'long' is not a duration"],
    [{ keepEnded: -1 }, 'keepEnded: -1 is not a duration'],
    [{ dispatch: 'no' }, 'dispatch: "no" is neither true nor false'],
    [{ leese: '30s' }, 'leese: unknown option: did you mean lease?'],
    [null, 'null'],
  ])('refuses options of the module that cannot be (%#)', (options, message) => {
    expect(() => SchedulesModule.forRoot(options as never)).toThrow(message);
  });

  it('refuses handlers that cannot be, all of them at the start', async () => {
    class Bad {
      @Scheduled('first', { concurrency: 0, timeout: 'soon' as '1s', overlap: 'allow' as 'skip' })
      first(): void {}
      @Scheduled('twice')
      one(): void {}
      @Scheduled('twice')
      other(): void {}
      @Scheduled('schedules')
      worker(): void {}
    }
    const started = start([Bad]);
    await expect(started).rejects.toThrow('concurrency: 0 is no number of runs');
    await expect(started).rejects.toThrow("timeout: 'soon' is not a duration");
    await expect(started).rejects.toThrow('overlap: "allow" is none of skip, queueOne, cancelRunning');
    await expect(started).rejects.toThrow('the name "twice" is taken by Bad.one');
    await expect(started).rejects.toThrow('the name "schedules" is that of a worker');
  });
});
