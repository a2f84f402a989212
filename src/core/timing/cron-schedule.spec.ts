import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { CronSchedule, InvalidCronError } from './cron-schedule.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const utc = Date.parse;
const iso = (at: number): string => new Date(at).toISOString().replace(':00.000Z', 'Z');

/** The slots after the one instant, up to and including the other. */
function slots(schedule: CronSchedule, after: number, until: number): number[] {
  const found: number[] = [];
  for (let at = schedule.next(after); at <= until; at = schedule.next(at)) {
    if (at <= (found.at(-1) ?? after)) throw new Error(`no way on from ${iso(at)}`);
    found.push(at);
  }
  return found;
}

const inBerlin = (cron: string, after: string, until: string): string[] =>
  slots(new CronSchedule({ cron, timeZone: 'Europe/Berlin' }), utc(after), utc(until)).map(iso);

describe('CronSchedule', () => {
  it('has its slots at what the clock on the wall shows, in summer and in winter', () => {
    expect(inBerlin('30 9 21 * *', '2026-05-01', '2026-12-31')).toEqual([
      '2026-05-21T07:30Z',
      '2026-06-21T07:30Z',
      '2026-07-21T07:30Z',
      '2026-08-21T07:30Z',
      '2026-09-21T07:30Z',
      '2026-10-21T07:30Z',
      '2026-11-21T08:30Z',
      '2026-12-21T08:30Z',
    ]);
  });

  it.each([
    ['0 0 31 2 *', undefined, "'0 0 31 2 *' never comes"],
    ['@reboot', undefined, "'@reboot' is not a cron expression"],
    [
      '@daily',
      'Mars/Olympus',
      "'Mars/Olympus' is not a time zone: give an IANA name ('Europe/Berlin', 'UTC')",
    ],
    ['@daily', '', "'' is not a time zone"],
  ])('refuses %p in %p at construction', (cron, timeZone, message) => {
    expect(() => new CronSchedule({ cron, timeZone })).toThrow(InvalidCronError);
    expect(() => new CronSchedule({ cron, timeZone })).toThrow(message);
  });

  it.each([1_441, -1_500, 19_800, NaN, Infinity])('refuses a utcOffset of %p', (utcOffset) => {
    expect(() => new CronSchedule({ cron: '@daily', utcOffset })).toThrow(
      `${utcOffset} is not a utcOffset: give minutes, at most a day of them (330 is +05:30)`,
    );
  });

  describe('in the night when clocks are set back', () => {
    it('has one slot for a time that comes twice, the first', () => {
      expect(inBerlin('30 2 * * *', '2026-10-24T12:00Z', '2026-10-26T12:00Z')).toEqual([
        '2026-10-25T00:30Z',
        '2026-10-26T01:30Z',
      ]);
    });

    it('has the same slots for a process that starts between the two', () => {
      expect(inBerlin('30 2 * * *', '2026-10-25T01:05Z', '2026-10-26T12:00Z')).toEqual(['2026-10-26T01:30Z']);
    });

    it('has one slot for a time just after', () => {
      expect(inBerlin('0 3 * * *', '2026-10-24T12:00Z', '2026-10-26T00:00Z')).toEqual(['2026-10-25T02:00Z']);
      expect(inBerlin('0 1-3 * * *', '2026-10-24T12:00Z', '2026-10-25T12:00Z')).toEqual([
        '2026-10-24T23:00Z',
        '2026-10-25T00:00Z',
        '2026-10-25T02:00Z',
      ]);
    });

    it('does not pause for an hour where the expression is for every hour', () => {
      expect(inBerlin('*/30 * * * *', '2026-10-24T23:30Z', '2026-10-25T02:00Z')).toEqual([
        '2026-10-25T00:00Z',
        '2026-10-25T00:30Z',
        '2026-10-25T01:00Z',
        '2026-10-25T01:30Z',
        '2026-10-25T02:00Z',
      ]);
    });

    it('has both last hours of a day that gets a second one at midnight, also if no other day matches', () => {
      const schedule = new CronSchedule({ cron: '0 * 4 4 *', timeZone: 'America/Santiago' });
      expect(slots(schedule, utc('2026-04-05T01:00Z'), utc('2027-04-01')).map(iso)).toEqual([
        '2026-04-05T02:00Z',
        '2026-04-05T03:00Z',
      ]);
      expect(iso(schedule.latest(utc('2026-09-01')))).toBe('2026-04-05T03:00Z');
    });
  });

  describe('in the night when clocks are set forward', () => {
    it('has the slot of a time that does not exist at the change', () => {
      expect(inBerlin('30 2 * * *', '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual([
        '2026-03-29T01:00Z',
        '2026-03-30T00:30Z',
      ]);
    });

    it('has one slot for all times that do not exist, and for that of the change itself', () => {
      expect(inBerlin('*/20 * * * *', '2026-03-29T00:20Z', '2026-03-29T01:20Z')).toEqual([
        '2026-03-29T00:40Z',
        '2026-03-29T01:00Z',
        '2026-03-29T01:20Z',
      ]);
    });

    it('has it also where winter is in July, and where a whole day was left out', () => {
      const sydney = new CronSchedule({ cron: '30 2 * * *', timeZone: 'Australia/Sydney' });
      expect(iso(sydney.next(utc('2026-10-03T00:00Z')))).toBe('2026-10-03T16:00Z');
      const apia = new CronSchedule({ cron: '0 12 * * *', timeZone: 'Pacific/Apia' });
      expect(slots(apia, utc('2011-12-29T12:00Z'), utc('2011-12-31T00:00Z')).map(iso)).toEqual([
        '2011-12-29T22:00Z',
        '2011-12-30T10:00Z',
        '2011-12-30T22:00Z',
      ]);
    });
  });

  /** Minutes that an expression allows, told apart from the code under test; whether it is for every hour. */
  const expressions: [cron: string, allows: (reading: Date) => boolean, everyHour: boolean][] = [
    ['* * * * *', () => true, true],
    ['*/15 * * * *', (at) => at.getUTCMinutes() % 15 === 0, true],
    ['50 * * * *', (at) => at.getUTCMinutes() === 50, true],
    ['45 */1 * * sun', (at) => at.getUTCMinutes() === 45 && at.getUTCDay() === 0, true],
    ['* 2 * * *', (at) => at.getUTCHours() === 2, false],
    ['40 1 * * *', (at) => at.getUTCHours() === 1 && at.getUTCMinutes() === 40, false],
    ['15 2 * * *', (at) => at.getUTCHours() === 2 && at.getUTCMinutes() === 15, false],
    ['0 3 * * *', (at) => at.getUTCHours() === 3 && at.getUTCMinutes() === 0, false],
    ['10,40 0-22 * * *', (at) => [10, 40].includes(at.getUTCMinutes()) && at.getUTCHours() < 23, false],
    ['30 */2 * * *', (at) => at.getUTCHours() % 2 === 0 && at.getUTCMinutes() === 30, false],
    ['0 0 * * *', (at) => at.getUTCHours() === 0 && at.getUTCMinutes() === 0, false],
    [
      '30 23 * * 6',
      (at) => at.getUTCDay() === 6 && at.getUTCHours() === 23 && at.getUTCMinutes() === 30,
      false,
    ],
  ];

  const changes: [timeZone: string, back: string, forward: string][] = [
    ['Europe/Berlin', '2026-10-25T01:00Z', '2026-03-29T01:00Z'],
    ['America/New_York', '2026-11-01T06:00Z', '2026-03-08T07:00Z'],
    ['America/Santiago', '2026-04-05T03:00Z', '2026-09-06T04:00Z'],
    ['America/Havana', '2026-11-01T05:00Z', '2026-03-08T05:00Z'],
    ['Australia/Sydney', '2026-04-04T16:00Z', '2026-10-03T16:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T15:00Z', '2026-10-03T15:30Z'],
    ['Antarctica/Troll', '2026-10-25T01:00Z', '2026-03-29T01:00Z'],
    ['Asia/Kathmandu', '2026-10-25T01:00Z', '2026-03-29T01:00Z'],
    ['UTC', '2026-10-25T01:00Z', '2026-03-29T01:00Z'],
  ];

  describe.each(changes)('around the changes of %s', (timeZone, ...nights) => {
    const watches = nights.map((night) => watch(timeZone, utc(night) - 8 * HOUR, utc(night) + 8 * HOUR));

    it.each(expressions)('has the slots that a watched clock gives: %s', (cron, allows, everyHour) => {
      const schedule = new CronSchedule({ cron, timeZone });
      for (const watched of watches) {
        const due = watched.filter(
          ({ shown, again }) => shown.some(allows) || (everyHour && again.some(allows)),
        );
        const [from, to] = [watched[0]!.at - 1, watched.at(-1)!.at];
        expect(slots(schedule, from, to).map(iso)).toEqual(due.map(({ at }) => iso(at)));
        expect(schedule.count(from, to)).toBe(due.length);
      }
    });

    it('has one row of slots, whoever looks at it, whenever, and in whichever way', () => {
      const random = seeded(timeZone.length);
      for (const [cron] of [
        ...expressions,
        ['*/20 * * * * *'],
        ['0 0 29 2 *'],
        ['59 59 23 31 12 *'],
      ] as const) {
        const schedule = new CronSchedule({ cron, timeZone });
        for (let i = 0; i < 20; i++) {
          const night = utc(nights[i % 2]!);
          const at =
            i < 13 ? night + between(random, -3 * HOUR, 5 * HOUR) : night + between(random, -9e3, 9e3) * DAY;
          const next = schedule.next(at);
          const latest = schedule.latest(at);
          const where = `${cron} at ${new Date(at).toISOString()}`;
          expect([where, next > at, latest <= at]).toEqual([where, true, true]);
          expect([where, schedule.next(latest), schedule.latest(next)]).toEqual([where, next, next]);
          expect([where, schedule.latest(latest), schedule.latest(next - 1)]).toEqual([
            where,
            latest,
            latest,
          ]);
          const inside = between(random, latest, next - 1);
          expect([where, schedule.next(inside), schedule.latest(inside)]).toEqual([where, next, latest]);
          expect([where, schedule.count(at, next), schedule.count(latest, next - 1)]).toEqual([where, 1, 0]);
          const later = at + between(random, 0, 20 * DAY);
          expect([where, schedule.count(latest, at) + schedule.count(at, later)]).toEqual([
            where,
            schedule.count(latest, later),
          ]);
        }
      }
    });
  });

  it('counts over a change as many slots as there are', () => {
    for (const cron of ['*/7 * * * *', '*/7 2 * * *', '0 0,2,3 * * *']) {
      const schedule = new CronSchedule({ cron, timeZone: 'Europe/Berlin' });
      const [after, until] = [utc('2026-03-20'), utc('2026-11-02')];
      expect(schedule.count(after, until)).toBe(slots(schedule, after, until).length);
    }
  });

  it('counts a year of every second without stepping through it', () => {
    const schedule = new CronSchedule({ cron: '* * * * * *', timeZone: 'Europe/Berlin' });
    expect(schedule.count(utc('2026-01-01'), utc('2027-01-01'))).toBe(365 * 86_400);
    expect(schedule.count(utc('2027-01-01'), utc('2026-01-01'))).toBe(0);
  });

  it('finds a slot over years without one', () => {
    const leap = new CronSchedule({ cron: '0 0 29 2 *', timeZone: 'America/New_York' });
    expect(iso(leap.next(utc('2096-03-01')))).toBe('2104-02-29T05:00Z');
    expect(iso(leap.latest(utc('2104-02-28')))).toBe('2096-02-29T05:00Z');
  });

  it('goes by the time zone of the process unless it is given one', () => {
    const nextIn = (TZ: string): string[] =>
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', NEXT_OF_TWO], {
        cwd: import.meta.dirname,
        env: { ...process.env, TZ },
        encoding: 'utf8',
      }).split(' ');
    expect(nextIn('Asia/Kathmandu')).toEqual(['2026-05-31T18:15:00.000Z', '2026-05-31T22:00:00.000Z']);
    expect(nextIn('America/New_York')).toEqual(['2026-06-01T04:00:00.000Z', '2026-05-31T22:00:00.000Z']);
  });
});

/** What a person notes who looks at the clock every minute: the times it shows first, or passes over, or again. */
function watch(timeZone: string, from: number, to: number): { at: number; shown: Date[]; again: Date[] }[] {
  const clock = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  const read = (at: number): number => utc(`${clock.format(at).replace(' ', 'T')}Z`);
  const notes = [];
  let latest = read(from - MINUTE);
  for (let at = from; at <= to; at += MINUTE) {
    const reading = read(at);
    const again = reading <= latest ? [new Date(reading)] : [];
    const shown: Date[] = [];
    while (latest < reading) shown.push(new Date((latest += MINUTE)));
    notes.push({ at, shown, again });
  }
  return notes;
}

const NEXT_OF_TWO = `
  import { CronSchedule } from './cron-schedule.ts';
  const next = (schedule) => new Date(schedule.next(Date.UTC(2026, 4, 31, 12))).toISOString();
  const own = new CronSchedule({ cron: '@daily' });
  const given = new CronSchedule({ cron: '@daily', timeZone: 'Europe/Berlin' });
  process.stdout.write(next(own) + ' ' + next(given));
`;

/** Park and Miller's generator: the same numbers in every run, from 0 up to 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function between(random: () => number, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}
