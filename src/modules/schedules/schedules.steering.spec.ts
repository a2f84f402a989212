import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { WorkerModule } from '../../core/worker.module.js';
import { type LaneLimit } from '../database/due-queue.js';
import { InMemoryScheduleStore } from './in-memory-schedule.store.js';
import { type ScheduleInput } from './schedule.js';
import { Scheduled, type ScheduledContext, type ScheduledOptions } from './scheduled.decorator.js';
import { ScheduleStore } from './schedule.store.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

/** Runs that are active, and what has run. */
class Seen {
  readonly runs: string[] = [];
  private readonly ends = new Map<string, () => void>();

  hold(context: ScheduledContext): Promise<void> {
    this.runs.push(context.key);
    if (this.released) return Promise.resolve();
    return new Promise((resolve) => {
      this.ends.set(context.key, resolve);
      context.signal.addEventListener('abort', () => this.end(context.key));
    });
  }

  private released = false;

  /** All, and those that come. */
  release(): void {
    this.released = true;
    for (const key of this.active) this.end(key);
  }

  get active(): string[] {
    return [...this.ends.keys()];
  }

  end(key: string): void {
    this.ends.get(key)?.();
    this.ends.delete(key);
  }
}

describe('Schedules', () => {
  let harness: WorkerTestHarness | undefined;
  let held: Seen[] = [];
  beforeEach(() => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
  });
  afterEach(async () => {
    for (const seen of held) seen.release();
    held = [];
    await harness?.close();
    harness = undefined;
    jest.restoreAllMocks();
  });

  const start = async (...providers: (new () => object)[]) => {
    harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store: 'memory', keepEnded: '1h' })],
      providers,
    });
    const schedules = harness.get(Schedules);
    const get = async (key: string, handler = 'job') => (await schedules.get(handler, key))!;
    return { harness, schedules, get };
  };
  /** A handler that holds its runs until they are told to end. */
  const holding = (options: ScheduledOptions = {}) => {
    const seen = new Seen();
    held.push(seen);
    @Injectable()
    class Jobs {
      @Scheduled('job', options)
      run(context: ScheduledContext): Promise<void> {
        return seen.hold(context);
      }
    }
    return { seen, Jobs };
  };
  const ran = (options: ScheduledOptions = {}, work: (context: ScheduledContext) => unknown = () => {}) => {
    const at: string[] = [];
    @Injectable()
    class Jobs {
      @Scheduled('job', options)
      run(context: ScheduledContext): unknown {
        at.push(`${context.key} ${context.startedAt.toISOString().slice(11, 19)}`);
        return work(context);
      }
    }
    return { at, Jobs };
  };
  const job = (key: string, more: Partial<ScheduleInput>): ScheduleInput => ({
    handler: 'job',
    key,
    ...more,
  });

  it('ends a schedule after its limit of slots, retries not counted, and with its until', async () => {
    let failures = 1;
    const { at, Jobs } = ran({ backoff: '1s' }, () => {
      if (failures-- > 0) throw new Error('once');
    });
    const { harness, schedules, get } = await start(Jobs);
    await schedules.upsert(job('limited', { cron: '0 * * * *', limit: 2 }));
    await schedules.upsert(job('until', { cron: '30 * * * *', until: '2026-01-01T02:30:00Z' }));
    await harness.advance('150m');
    expect(at).toEqual([
      'until 00:30:00',
      'until 00:30:01',
      'limited 01:00:00',
      'until 01:30:00',
      'limited 02:00:00',
      'until 02:30:00',
    ]);
    expect([(await get('limited')).state, (await get('until')).state]).toEqual(['ended', 'ended']);
    await harness.advance('5h');
    expect(at).toHaveLength(6);
    expect(await schedules.get('job', 'limited')).toBeUndefined();
  });

  it('delays runs by their jitter, each by its own, less than to the next slot', async () => {
    const { at, Jobs } = ran();
    const { harness, schedules } = await start(Jobs);
    for (let n = 0; n < 20; n++) await schedules.upsert(job(`${n}`, { cron: '0 * * * *', jitter: '10m' }));
    await harness.advance('1h');
    await harness.advance('10m');
    expect(at).toHaveLength(20);
    expect(new Set(at.map((run) => run.split(' ')[1])).size).toBeGreaterThan(15);
    for (const run of at) expect(run).toMatch(/ 01:0\d:/);
  });

  it('runs the latest of slots that passed, unless it is older than catchUp', async () => {
    const { at, Jobs } = ran();
    const { harness, schedules, get } = await start(Jobs);
    await schedules.upsert(job('any', { cron: '0 * * * *' }));
    await schedules.upsert(job('hour', { cron: '0 * * * *', catchUp: '30m' }));
    await schedules.upsert(job('none', { cron: '0 * * * *', catchUp: false }));
    harness.clock.block(19_200_000);
    await harness.advance('1m');
    expect(at.sort()).toEqual(['any 05:20:00', 'hour 05:20:00']);
    expect([(await get('any')).missed, (await get('hour')).missed, (await get('none')).missed]).toEqual([
      4, 4, 5,
    ]);
    await harness.advance('39m');
    expect(at.sort()).toEqual([
      'any 05:20:00',
      'any 06:00:00',
      'hour 05:20:00',
      'hour 06:00:00',
      'none 06:00:00',
    ]);
  });

  it('counts the delay of catchUp from when a run was to start: behind its jitter, or the wait after a failure', async () => {
    const { at, Jobs } = ran({ backoff: '5m' }, ({ key, attempt }) => {
      if (key === 'failing' && attempt < 3) throw new Error('no such mailbox');
    });
    const { harness, schedules, get } = await start(Jobs);
    for (let n = 0; n < 10; n++)
      await schedules.upsert(job(`${n}`, { cron: '0 * * * *', jitter: '10m', catchUp: false }));
    await schedules.upsert(job('failing', { cron: '0 * * * *', catchUp: false }));
    await harness.advance('80m');
    expect(at.filter((run) => run.startsWith('failing'))).toHaveLength(3);
    expect(await get('failing')).toMatchObject({ missed: 0, turns: 1, lastOutcome: 'succeeded' });
    for (let n = 0; n < 10; n++) expect(await get(`${n}`)).toMatchObject({ missed: 0, runs: 1 });
  });

  it('runs the slots of a time zone by its rules of today, where they were stored by others', async () => {
    const { at, Jobs } = ran();
    const { harness, schedules, get } = await start(Jobs);
    const timing = { cron: '0 9 * * *', timeZone: 'Europe/Berlin' };
    const store = harness.get(ScheduleStore);
    const stored = (key: string, hour: string) => {
      const slot = Date.parse(`2026-01-01T${hour}:00:00Z`);
      return {
        ...{ handler: 'job', key, timing: JSON.stringify(timing), payload: null, group: null },
        turn: { slot, plannedAt: slot },
      };
    };
    await store.upsert([stored('too early', '07'), stored('right', '08'), stored('too late', '09')]);
    // Written anew, a definition is looked at.
    await schedules.upsert(job('other', { at: '2026-01-09T00:00:00Z' }));
    await harness.advance('33h');
    expect(at.sort()).toEqual([
      ...['right 08:00:00', 'right 08:00:00', 'too early 08:00:00', 'too early 08:00:00'],
      ...['too late 08:00:00', 'too late 09:00:00'],
    ]);
    for (const key of ['too early', 'right', 'too late'])
      expect(await get(key)).toMatchObject({ runs: 2, turns: 2, missed: 0 });
  });

  it('takes any number as the concurrency of a handler', async () => {
    const { at, Jobs } = ran({ concurrency: Number.MAX_SAFE_INTEGER });
    const { harness, schedules } = await start(Jobs);
    const claim = jest.spyOn(harness.get(ScheduleStore), 'claim');
    await schedules.upsertMany(
      Array.from({ length: 5_000 }, (_, n) => job(`${n}`, { at: new Date(0), group: 'acme' })),
    );
    await harness.advance('1s');
    expect(at).toHaveLength(5_000);
    const limits = claim.mock.calls.flatMap(([{ limits }]) => [...limits.values()]) as LaneLimit[];
    for (const { most, share } of limits) expect(Math.max(most, share)).toBeLessThanOrEqual(4_000);
  });

  it('runs next, under queueOne, the latest slot that came meanwhile', async () => {
    const { seen, Jobs } = holding({ overlap: 'queueOne' });
    const { harness, schedules, get } = await start(Jobs);
    await schedules.upsert(job('a', { cron: '* * * * *' }));
    await harness.advance(150_000);
    seen.end('a');
    await harness.advance('1s');
    expect(seen.runs).toEqual(['a', 'a']);
    expect(await get('a')).toMatchObject({
      slot: new Date('2026-01-01T00:02:00Z'),
      state: 'running',
      missed: 0,
    });
  });

  it('aborts the active run, under cancelRunning, when the next slot comes, and runs that', async () => {
    const { seen, Jobs } = holding({ overlap: 'cancelRunning' });
    const { harness, schedules, get } = await start(Jobs);
    await schedules.upsert(job('a', { cron: '* * * * *' }));
    await harness.advance(125_000);
    expect(seen.runs).toEqual(['a', 'a']);
    expect(await get('a')).toMatchObject({ lastOutcome: 'cancelled', failures: 0, state: 'running' });
  });

  it('keeps to the concurrency of the handler and of each group, and a group that is full delays no other', async () => {
    const { seen, Jobs } = holding({ concurrency: 4, groupConcurrency: 2 });
    const { harness, schedules } = await start(Jobs);
    const at = new Date(0);
    for (let n = 0; n < 20; n++) await schedules.upsert(job(`acme ${n}`, { at, group: 'acme' }));
    await schedules.upsert(job('beta', { at, group: 'beta' }));
    await schedules.upsert(job('alone', { at }));
    await harness.advance('1s');
    expect(seen.active).toEqual(['acme 0', 'acme 1', 'beta', 'alone']);
    for (const key of ['beta', 'alone']) seen.end(key);
    await harness.advance('1s');
    expect(seen.active).toEqual(['acme 0', 'acme 1']);
    seen.end('acme 0');
    await harness.advance('1s');
    expect(seen.active).toHaveLength(2);
  });

  it('delays no handler by the backlog of another', async () => {
    const { seen, Jobs } = holding({ concurrency: 1 });
    const others: string[] = [];
    @Injectable()
    class Others {
      @Scheduled('other')
      run({ key }: ScheduledContext): void {
        others.push(key);
      }
    }
    const { harness, schedules } = await start(Jobs, Others);
    for (let n = 0; n < 50; n++) await schedules.upsert(job(`${n}`, { at: new Date(0) }));
    await schedules.upsert({ handler: 'other', key: 'a', at: '2025-12-31T23:59:59Z' });
    await harness.advance('1s');
    expect([seen.active.length, others]).toEqual([1, ['a']]);
  });

  it('says of schedules without a handler that they have none, and looks at them again later', async () => {
    const { at, Jobs } = ran();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const { harness, schedules, get } = await start(Jobs);
    await schedules.upsert({ handler: 'gone', key: 'a', at: new Date(0) });
    await schedules.upsert(job('b', { cron: '* * * * *' }));
    await harness.advance('5m');
    expect(await get('a', 'gone')).toMatchObject({
      state: 'active',
      lastOutcome: 'unknown_handler',
      lastError: expect.stringContaining('No replica has a handler "gone"'),
      runs: 0,
      failures: 0,
      attempt: 1,
    });
    expect((await get('a', 'gone')).consecutiveFailures).toBeGreaterThan(1);
    expect(at).toHaveLength(5);
    expect(warn.mock.calls.filter(([line]) => String(line).includes('"gone"'))).toHaveLength(1);
    const [gone] = (await schedules.handlers()).filter(({ handler }) => handler === 'gone');
    expect(gone).toMatchObject({ known: false, schedules: 1 });
  });

  it('runs at once what fell due before it started, and takes no handler of its own for unknown', async () => {
    const { at, Jobs } = ran();
    const clock = new ManualClock();
    const store = new InMemoryScheduleStore(clock);
    const row = { handler: 'job', timing: '{"at":0}', payload: null, group: null };
    await store.upsert(['a', 'b'].map((key) => ({ ...row, key, turn: { slot: 0, plannedAt: 0 } })));
    harness = await WorkerTestHarness.create(
      { imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store })], providers: [Jobs] },
      { clock },
    );
    await harness.advance('1s');
    expect(at).toEqual(['a 00:00:00', 'b 00:00:00']);
  });

  it('takes a payload that cannot be read for a failure of its run', async () => {
    const { at, Jobs } = ran();
    const { harness, schedules } = await start(Jobs);
    const broken = { handler: 'job', key: 'a', timing: '{"at":0}', payload: '{', group: null };
    await harness.get(ScheduleStore).upsert([{ ...broken, turn: { slot: 0, plannedAt: 0 } }]);
    await schedules.upsert(job('b', { at: new Date(0) }));
    await harness.advance('1s');
    expect(at).toEqual(['b 00:00:00']);
    const found = harness
      .get(ScheduleStore)
      .claim({ limits: new Map([['job', 1]]), horizon: 1e9, lease: 1, replica: '' });
    expect((await found).claims[0]).toMatchObject({ key: 'a', attempt: 2, consecutiveFailures: 1 });
  });

  it.each([
    ['{}', 'it does not say when'],
    ['null', 'it is no object'],
    ['7', 'it is no object'],
    ['{"every":"1h"}', 'every: "1h" is no number'],
    ['{"every":0}', 'every: 0 is no number above 0'],
    ['{"every":3600000,"limit":"2"}', 'limit: "2" is no number'],
    ['{"at":"2026-01-01T00:00:00Z"}', 'at: "2026-01-01T00:00:00Z" is no number'],
    ['{"cron":7}', '7 is not a cron expression'],
  ])('runs nothing by a timing that somebody wrote by hand, such as %s', async (timing, why) => {
    const { at, Jobs } = ran({ backoff: '1m' });
    const { harness, schedules, get } = await start(Jobs);
    const turn = { slot: 0, plannedAt: 0 };
    const row = { handler: 'job', key: 'a', payload: null, group: null, timing, turn };
    await harness.get(ScheduleStore).upsert([row]);
    await schedules.upsert(job('well', { at: new Date(0) }));
    await harness.advance('1s');
    expect(at).toEqual(['well 00:00:00']);
    expect(await get('a')).toMatchObject({ state: 'active', lastError: expect.stringContaining(why) });
    await expect(schedules.preview({ handler: 'job', key: 'a' })).rejects.toThrow(why);
  });

  it('delays nobody by a timing that cannot be used: its row says so and backs off, and is well when it is written again', async () => {
    const { at, Jobs } = ran({ backoff: '1m' });
    const { harness, schedules, get } = await start(Jobs);
    const turn = { slot: 0, plannedAt: 0 };
    const broken = { handler: 'job', payload: '{', group: null, turn };
    await harness.get(ScheduleStore).upsert([
      { ...broken, key: 'zone', timing: '{"cron":"0 9 * * *","timeZone":"Mars/Olympus"}' },
      { ...broken, key: 'json', timing: '{' },
    ]);
    await schedules.upsert(job('well', { cron: '* * * * *' }));
    await harness.advance('10m');
    expect(at).toHaveLength(10);
    expect((await schedules.list()).items.map(({ key }) => key)).toEqual(['json', 'well', 'zone']);
    expect(await get('json')).toMatchObject({ timing: '{', payload: '{', lastOutcome: 'failed' });
    expect(await get('zone')).toMatchObject({
      state: 'active',
      consecutiveFailures: 4,
      lastError: expect.stringContaining(
        `The timing of schedule "zone" cannot be used: 'Mars/Olympus' is not a time zone`,
      ),
    });
    for (const key of ['zone', 'json']) {
      await schedules.pause('job', key);
      await expect(schedules.resume('job', key)).rejects.toThrow('Write the schedule again');
      await schedules.upsert(job(key, { cron: '30 * * * *', payload: 1 }));
      await schedules.resume('job', key);
      await schedules.trigger('job', key);
    }
    await harness.advance('25m');
    expect(at.filter((run) => !run.startsWith('well')).sort()).toEqual([
      'json 00:10:00',
      'json 00:30:00',
      'zone 00:10:00',
      'zone 00:30:00',
    ]);
  });

  it('pauses, resumes and triggers', async () => {
    const { at, Jobs } = ran();
    const { harness, schedules, get } = await start(Jobs);
    await schedules.upsert(job('a', { cron: '0 * * * *' }));
    await schedules.pause('job', 'a');
    await harness.advance('150m');
    expect([at, (await get('a')).state]).toEqual([[], 'paused']);
    await schedules.trigger('job', 'a', { actor: 'Ada' });
    await harness.advance('1s');
    expect(at).toEqual(['a 02:30:00']);
    const [run] = await harness.runs('job');
    expect(run).toMatchObject({ trigger: 'manual', actor: 'Ada' });
    await schedules.resume('job', 'a');
    await harness.advance('1h');
    expect(at).toEqual(['a 02:30:00', 'a 03:00:00']);
    expect(await get('a')).toMatchObject({ missed: 0, turns: 1, runs: 2 });
    for (const change of ['pause', 'resume', 'trigger'] as const)
      await expect(schedules[change]('job', 'none')).rejects.toThrow('There is no schedule "none" of "job"');
  });
});
