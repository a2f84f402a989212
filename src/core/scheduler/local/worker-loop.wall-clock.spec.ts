import { afterEach, describe, expect, it } from '@jest/globals';
import { startWorkers, type Workers } from '../../../../test/support/workers.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type Worker } from '../../worker/worker.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A year of the manual clock is half a million looks at it. */
const PATIENCE = 120_000;
const BERLIN = 'Europe/Berlin';

describe('WorkerLoop', () => {
  let workers: Workers;
  afterEach(() => workers.close());

  /** @param at where the wall clock stands, in UTC */
  async function start(at: string, worker: Partial<Worker>): Promise<ManualClock> {
    const clock = new ManualClock(new Date(at));
    workers = await startWorkers([{ name: 'w', interval: 0, run: () => {}, ...worker }], {}, clock);
    return clock;
  }
  const cron = (expression: string, timeZone = 'UTC') => ({ interval: { cron: expression, timeZone } });
  const info = () => workers.scheduler.workerByName('w')!;
  const runs = () => workers.runs('w');
  const starts = async () => (await runs()).map(({ startedAt }) => startedAt.toISOString().slice(0, 16));
  const slots = async () => (await runs()).map(({ slot }) => slot!.toISOString().slice(0, 16));

  describe('beyond the longest timer of Node, 2^31-1 ms', () => {
    it(
      'an interval of 30 days runs once, at its slot',
      async () => {
        const clock = await start('2026-01-01T00:00Z', { interval: '30d' });
        const first = info().nextRun!;
        await clock.advance('60d');
        expect(await runs()).toMatchObject(
          [0, 1]
            .map((k) => new Date(first.getTime() + k * 30 * DAY))
            .map((slot) => ({ slot, startedAt: slot })),
        );
        expect(info()).toMatchObject({ missedCount: 0, skippedCount: 0 });
      },
      PATIENCE,
    );

    it(
      'a yearly cron runs once a year, at its slot',
      async () => {
        const clock = await start('2025-12-31T12:00Z', cron('0 0 1 1 *'));
        await clock.advance('367d');
        expect(await starts()).toEqual(['2026-01-01T00:00', '2027-01-01T00:00']);
        expect(info()).toMatchObject({ missedCount: 0, nextRun: new Date('2028-01-01T00:00Z') });
      },
      PATIENCE,
    );

    it(
      'a cron for leap day runs on it, and next four years later',
      async () => {
        const clock = await start('2027-12-31T00:00Z', cron('0 12 29 2 *'));
        expect(info().nextRun).toEqual(new Date('2028-02-29T12:00Z'));
        await clock.advance('62d');
        expect(await starts()).toEqual(['2028-02-29T12:00']);
        expect(info()).toMatchObject({ missedCount: 0, nextRun: new Date('2032-02-29T12:00Z') });
      },
      PATIENCE,
    );
  });

  describe('in the night when clocks change', () => {
    it('a daily cron runs once at each of the three, forward: at the change', async () => {
      const clock = await start('2026-03-28T00:00Z', cron('30 2 * * *', BERLIN));
      await clock.advance('3d');
      expect(await starts()).toEqual(['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']);
    });

    it('a daily cron runs once at each of the three, back: the first time that the clock shows it', async () => {
      const clock = await start('2026-10-24T00:00Z', cron('30 2 * * *', BERLIN));
      await clock.advance('3d');
      expect(await starts()).toEqual(['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30']);
    });

    it.each([
      ['2026-03-28T23:00Z', 23],
      ['2026-10-24T22:00Z', 25],
    ])(
      'a cron for every quarter of an hour loses and doubles none on the day from %s, of %i hours',
      async (at, hours) => {
        const clock = await start(at, cron('*/15 * * * *', BERLIN));
        await clock.advance(hours * HOUR);
        const expected = Array.from(
          { length: hours * 4 },
          (_, i) => new Date(at).getTime() + (i + 1) * 15 * MINUTE,
        );
        expect((await runs()).map(({ startedAt }) => startedAt.getTime())).toEqual(expected);
        expect(info()).toMatchObject({ missedCount: 0, skippedCount: 0 });
      },
    );
  });

  describe('when the wall clock is set forward an hour', () => {
    it('a daily cron runs once, at once, when its time was passed over', async () => {
      const clock = await start('2026-01-01T02:30Z', cron('0 3 * * *'));
      clock.setWall(clock.now() + HOUR);
      await clock.advance('24h');
      expect(await slots()).toEqual(['2026-01-01T03:00', '2026-01-02T03:00']);
      // An alarm looks at the wall clock once a minute.
      expect((await runs())[0]!.startedAt.getTime()).toBeLessThanOrEqual(Date.UTC(2026, 0, 1, 3, 31));
      expect(info().missedCount).toBe(0);
    });

    it('a daily cron runs at its time when that was not passed over', async () => {
      const clock = await start('2026-01-01T01:30Z', cron('0 3 * * *'));
      clock.setWall(clock.now() + HOUR);
      await clock.advance('1h');
      expect(await starts()).toEqual(['2026-01-01T03:00']);
    });

    it.each([
      ['cron', cron('*/10 * * * *')],
      ['an interval', { interval: '10m' }],
    ] as const)(
      '%s of ten minutes runs once for the hour, and counts the other five as missed',
      async (_, worker) => {
        const clock = await start('2026-01-01T00:00Z', worker);
        await clock.advance(info().nextRun!.getTime() - clock.now());
        clock.setWall(clock.now() + HOUR);
        await clock.advance('9m');
        expect(info()).toMatchObject({ runCount: 2, missedCount: 5 });
        await clock.advance('1m');
        expect(info()).toMatchObject({ runCount: 3, missedCount: 5 });
      },
    );
  });

  describe.each([
    ['back', -HOUR],
    ['forward', HOUR],
  ])('when the wall clock is set %s', (_how, by) => {
    it.each([
      ['an interval that is counted from its start', { interval: '10m', spacing: 'start' }, [10, 20, 30, 40]],
      ['a length from its start', { interval: { after: '15m' } }, [15]],
    ] as const)('%s goes by the time that passes', async (_what, worker, minutes) => {
      const ran: number[] = [];
      const run = (): void => void ran.push((clock.monotonic() - begin) / MINUTE);
      const clock = await start('2026-01-01T10:00Z', { ...worker, run });
      const begin = clock.monotonic();
      await clock.advance('4m');
      clock.setWall(clock.now() + by);
      await clock.advance('40m');
      expect(ran.map(Math.round)).toEqual(minutes);
      expect(info()).toMatchObject({ missedCount: 0, skippedCount: 0 });
    });
  });

  describe('when the wall clock is set back', () => {
    it('an hour: a cron of ten minutes runs no slot twice, and goes on when the hour is over', async () => {
      const clock = await start('2026-01-01T10:00Z', cron('*/10 * * * *'));
      await clock.advance('1h');
      clock.setWall(clock.now() - HOUR);
      await clock.advance('90m');
      const all = await slots();
      expect(new Set(all).size).toBe(all.length);
      expect(all.slice(-4)).toEqual([
        '2026-01-01T11:00',
        '2026-01-01T11:10',
        '2026-01-01T11:20',
        '2026-01-01T11:30',
      ]);
      expect(info()).toMatchObject({ runCount: 9, missedCount: 0, skippedCount: 0 });
    });

    it('an hour: an interval of ten minutes runs at the instants that come again, and loses none', async () => {
      const ran: number[] = [];
      const clock = await start('2026-01-01T10:00Z', {
        interval: '10m',
        run: ({ slot }) => ran.push(slot!.getTime()),
      });
      const first = info().nextRun!.getTime();
      await clock.advance(first + HOUR + 5 * MINUTE - clock.now());
      clock.setWall(clock.now() - HOUR);
      await clock.advance('30m');
      expect(ran.map((slot) => (slot - first) / MINUTE)).toEqual([0, 10, 20, 30, 40, 50, 60, 10, 20, 30]);
      expect(info()).toMatchObject({ runCount: 10, missedCount: 0, skippedCount: 0 });
    });

    it.each([
      ['a cron', cron('*/10 * * * *')],
      ['an interval', { interval: '10m' }],
    ] as const)('years, as after a start with a wrong clock: %s goes on at once', async (_, worker) => {
      const clock = await start('2040-01-01T00:00Z', worker);
      await clock.advance('1h');
      clock.setWall(Date.UTC(2026, 0, 1));
      await clock.advance('1h');
      expect(info().runCount).toBe(12);
      expect(info().nextRun!.getTime()).toBeLessThanOrEqual(clock.now() + 10 * MINUTE);
    });

    it('an hour, while a worker backs off: it waits as long as it was to wait', async () => {
      let fail = true;
      const clock = await start('2026-01-01T10:00Z', { interval: '10m', backoff: '5m', run: () => {
        if (fail) throw new Error('not yet');
      } }); // prettier-ignore
      await clock.advance(info().nextRun!.getTime() - clock.now());
      fail = false;
      clock.setWall(clock.now() - HOUR);
      await clock.advance('6m');
      expect(info()).toMatchObject({ runCount: 2, consecutiveFailures: 0 });
      await clock.advance('10m');
      expect(info().runCount).toBe(3);
    });

    it('an hour, with spacing by delay: the next run is not an hour late', async () => {
      const clock = await start('2026-01-01T10:00Z', { interval: '10m', spacing: 'delay' });
      await clock.advance('10m');
      clock.setWall(clock.now() - HOUR);
      await clock.advance('20m');
      expect(info().runCount).toBeGreaterThanOrEqual(2);
    });

    it.each<[string, Partial<Worker>, number[]]>([
      ['with backoff', { backoff: '3m' }, [0, 3.5]],
      ['with spacing by delay', { spacing: 'delay' }, [0, 10.5, 21]],
    ])('an hour, in mid-run, %s: the next run is neither hurried nor late', async (_, worker, after) => {
      const at: number[] = [];
      const clock: ManualClock = await start('2026-01-01T10:00Z', {
        interval: '10m',
        ...worker,
        run: async ({ attempt }) => {
          at.push(clock.monotonic());
          await new Promise<void>((resolve) => clock.setTimer(resolve, 30_000));
          if (attempt === 1 && at.length === 1) throw new Error('not yet');
        },
      });
      await clock.advance(info().nextRun!.getTime() + 10_000 - clock.now());
      clock.setWall(clock.now() - HOUR);
      await clock.advance('25m');
      const minutes = at.map((instant) => (instant - at[0]!) / MINUTE);
      expect(minutes.slice(0, after.length)).toEqual(after);
      expect(minutes.length).toBeGreaterThanOrEqual(3);
    });
  });
});
