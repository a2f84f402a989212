import { afterEach, describe, expect, it } from '@jest/globals';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { WorkerModule } from '../../core/worker.module.js';
import { everyItem } from '../database/page.js';
import { type ScheduleInput } from './schedule.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

describe('Schedules', () => {
  let harness: WorkerTestHarness | undefined;
  afterEach(async () => {
    await harness?.close();
    harness = undefined;
  });

  const start = async () => {
    harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store: 'memory' })],
    });
    return { harness, schedules: harness.get(Schedules) };
  };
  const job = (key: string, more: Partial<ScheduleInput>): ScheduleInput => ({
    handler: 'job',
    key,
    ...more,
  });

  it('lists page by page, each once', async () => {
    const { schedules } = await start();
    for (let n = 0; n < 25; n++) await schedules.upsert(job(`a ${n}`, { every: '1h' }));
    await schedules.upsert({ handler: 'other', key: 'a', every: '1h' });
    const all: string[] = [];
    for await (const { key } of everyItem((after) => schedules.list({ handler: 'job', limit: 10, after })))
      all.push(key);
    expect(all).toHaveLength(25);
    expect(new Set(all).size).toBe(25);
    expect((await schedules.list({ handler: 'job', keyPrefix: 'a 1' })).items).toHaveLength(11);
    await expect(schedules.list({ keyPrefix: 'a' })).rejects.toThrow('keyPrefix: keys belong to a handler');
    await expect(schedules.list({ state: 'on' as 'active' })).rejects.toThrow(
      'is no state: give one of active',
    );
    await expect(schedules.list({ after: 'x' })).rejects.toThrow('is not the `next` of a page');
    await expect(schedules.list({ limit: 0 })).rejects.toThrow('limit: 0');
  });

  it.each([
    ['a NUL character', ['job', 'a\0']],
    ['half a character', ['job\ud83d', 'a']],
    ['a key that is too long', ['job', 'x'.repeat(301)]],
    ['more than a place', ['job', 'a', 'b']],
    ['no list', 'ab'],
  ])('goes on behind no position that somebody made by hand, such as one with %s', async (_, position) => {
    const { schedules } = await start();
    const after = Buffer.from(JSON.stringify(position)).toString('base64url');
    await expect(schedules.list({ after })).rejects.toThrow('is not the `next` of a page');
  });

  it('takes the same definition again after its last slot, as at each start of an application', async () => {
    const { harness, schedules } = await start();
    const daily = job('a', { every: '1h', until: '2026-01-01T03:00:00Z' });
    await schedules.upsert(daily);
    await harness.advance('4h');
    expect(await schedules.upsert(daily)).toEqual({ created: 0, changed: 0, unchanged: 1 });
    expect(await schedules.upsertMany([daily])).toEqual({ created: 0, changed: 0, unchanged: 1 });
    expect(await schedules.upsert({ ...daily, payload: 1 })).toMatchObject({ changed: 1 });
    for (const another of [
      { ...daily, key: 'b' },
      { ...daily, every: '2h' as const },
    ])
      await expect(schedules.upsert(another)).rejects.toThrow('until: no slot comes before it');
  });

  it('says of what can be no name, no list and no schedule that it is none', async () => {
    const { schedules } = await start();
    const key = 'a\0';
    for (const call of [
      () => schedules.get('job', key),
      () => schedules.remove('job', key),
      () => schedules.pause('job', key),
      () => schedules.resume('job', key),
      () => schedules.trigger('job', key),
      () => schedules.cancel('job', key),
      () => schedules.preview({ handler: 'job', key }),
    ])
      await expect(call()).rejects.toThrow('key: holds a NUL character');
    await expect(schedules.get('job', 7 as never)).rejects.toThrow('key: 7 is no key: give a text');
    await expect(schedules.get(undefined as never, 'a')).rejects.toThrow('handler: undefined is no name');
    for (const fencingToken of ['7', 1.5, Number.NaN, -1] as number[])
      await expect(schedules.cancel('job', 'a', { fencingToken })).rejects.toThrow(
        'is not a whole number of 0 or more',
      );
    await expect(schedules.preview(null as never)).rejects.toThrow('null is none: give an object');
    await expect(schedules.preview({ ...job('a', {}), evry: '1h' } as never)).rejects.toThrow(
      'evry: unknown option: did you mean every?',
    );
    for (const none of [null, 7, 'text', job('a', { every: '1h' })])
      await expect(schedules.upsertMany(none as never)).rejects.toThrow('is no list: give an array');
  });

  it('tells the next runs, of what is stored and of what is not', async () => {
    const { harness, schedules } = await start();
    const hours = (dates: Date[]) => dates.map((date) => date.toISOString().slice(8, 16));
    const daily = job('a', { cron: '0 9 * * *', timeZone: 'Europe/Berlin', limit: 3 });
    expect(hours(await schedules.preview(daily, 5))).toEqual(['01T08:00', '02T08:00', '03T08:00']);
    await schedules.upsert(daily);
    await harness.advance('1h');
    expect(hours(await schedules.preview({ handler: 'job', key: 'a' }, 2))).toEqual(['01T08:00', '02T08:00']);
    expect(hours(await schedules.preview(job('b', { at: '2026-01-05T00:00:00Z' })))).toEqual(['05T00:00']);
    await schedules.pause('job', 'a');
    expect(await schedules.preview({ handler: 'job', key: 'a' })).toEqual([]);
    await expect(schedules.preview({ handler: 'job', key: 'x' })).rejects.toThrow('There is no schedule');
    for (const n of [0, -1, 1.5, 1e9, Number.NaN, '5' as never])
      await expect(schedules.preview(daily, n)).rejects.toThrow('is not a whole number from 1 to 1000');
  });

  it('writes any number in one call, tells how far it is, and stops when it is told to', async () => {
    const { schedules } = await start();
    function* inputs(from = 0): Generator<ScheduleInput> {
      for (let n = from; n < 3_500; n++) yield job(`${n}`, { every: '1h', payload: { n } });
      yield job('1', { every: '2h' });
    }
    const told: number[] = [];
    const summary = await schedules.upsertMany(inputs(), { onProgress: (done) => told.push(done) });
    expect([summary, told]).toEqual([
      { created: 3_500, changed: 1, unchanged: 0 },
      [1_000, 2_000, 3_000, 3_501],
    ]);
    const abort = new AbortController();
    let read = 0;
    async function* endless(): AsyncGenerator<ScheduleInput> {
      for (;;) yield job(`endless ${read++}`, { every: '1h' });
    }
    const stopped = schedules.upsertMany(endless(), {
      signal: abort.signal,
      onProgress: (done) => done === 2_000 && abort.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(read).toBeLessThanOrEqual(3_000);
  });

  it('refuses a call in which one cannot be, and names it, or leaves that one out', async () => {
    const { schedules } = await start();
    const bad = [
      job('fine', { every: '1h' }),
      job('bad', { every: 'x' as '1h' }),
      undefined as unknown as ScheduleInput,
      job('late', { every: '1h', until: '2020-01-01T00:00:00Z' }),
      job('half a pair: \ud83d', { every: '1h' }),
      job('fine too', { every: '1h' }),
    ];
    await expect(schedules.upsertMany(bad)).rejects.toThrow(/number 2, .*every: 'x' is not a duration/);
    expect((await schedules.list()).items).toEqual([]);
    const told: [number, string][] = [];
    const summary = await schedules.upsertMany(bad, {
      onInvalid: ({ message }, index) => told.push([index, message]),
    });
    expect(summary).toEqual({ created: 2, changed: 0, unchanged: 0 });
    expect(told).toEqual([
      [1, expect.stringContaining("every: 'x' is not a duration")],
      [2, expect.stringContaining('undefined is none: give an object with handler and key')],
      [3, expect.stringContaining('until: no slot comes before it')],
      [4, expect.stringContaining('key: holds a NUL character or half a surrogate pair')],
    ]);
    expect((await schedules.list()).items.map(({ key }) => key)).toEqual(['fine', 'fine too']);
  });
});
