import { describe, expect, it } from '@jest/globals';
import { WallClock } from './wall-clock.js';

const utc = Date.parse;
const iso = (at: number): string => new Date(at).toISOString();

describe('WallClock', () => {
  const berlin = new WallClock('Europe/Berlin');

  it.each([
    ['Europe/Berlin', '2026-10-25T01:00:00Z', 120, 60],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', 60, 120],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z', 660, 630],
    ['America/St_Johns', '2026-03-08T05:30:00Z', -210, -150],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', -600, 840],
    ['Africa/Monrovia', '1972-01-07T00:44:30Z', -44.5, 0],
  ])('finds the change of %s at %s', (timeZone, at, before, after) => {
    const changes = new WallClock(timeZone).changes(utc(at) - 100 * 3_600_000, utc(at) + 100 * 3_600_000);
    expect(changes).toEqual([{ at: utc(at), before: before * 60_000, after: after * 60_000 }]);
  });

  it('finds the changes after an instant, up to and including another', () => {
    const october = utc('2026-10-25T01:00:00Z');
    expect(berlin.changes(october - 1, october)).toHaveLength(1);
    expect(berlin.changes(october, october + 1)).toEqual([]);
    expect(berlin.changes(utc('2020-01-01'), utc('2030-01-01'))).toHaveLength(20);
    expect(new WallClock('Asia/Tokyo').changes(utc('2020-01-01'), utc('2030-01-01'))).toEqual([]);
  });

  it('shows what Intl says, in whatever order it is asked, in weeks of thirty years', () => {
    const format = new Intl.DateTimeFormat('en', {
      timeZone: 'Europe/Berlin',
      hourCycle: 'h23',
      ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
    });
    const reading = (at: number): number => {
      const parts = format.formatToParts(at).map(({ type, value }) => [type, Number(value)] as const);
      const { year, month, day, hour, minute } = Object.fromEntries(parts) as Record<string, number>;
      return Date.UTC(year!, month! - 1, day, hour, minute);
    };
    const HOURS = 3_600_000;
    // No multiple of a day: some fall into the hours at which clocks are set.
    const instants = Array.from({ length: 5_000 }, (_, n) => utc('2000-01-01') + n * 53 * HOURS);
    const wrong = [...instants, ...instants.toReversed()].filter((at) => {
      const repeats = reading(at) <= reading(at - HOURS);
      return !repeats && berlin.reached(at) !== reading(at);
    });
    expect(wrong.map(iso)).toEqual([]);
  });

  it('never goes back: its latest reading stands still for the hour that comes again', () => {
    expect(iso(berlin.reached(utc('2026-10-25T00:30:00Z')))).toBe('2026-10-25T02:30:00.000Z');
    expect(iso(berlin.reached(utc('2026-10-25T01:00:00Z')))).toBe('2026-10-25T02:59:59.999Z');
    expect(iso(berlin.reached(utc('2026-10-25T01:59:59Z')))).toBe('2026-10-25T02:59:59.999Z');
    expect(iso(berlin.reached(utc('2026-10-25T02:00:00Z')))).toBe('2026-10-25T03:00:00.000Z');
  });

  it('reaches a reading the first time that it shows it', () => {
    expect(iso(berlin.reaches(utc('2026-10-25T02:30:00Z')))).toBe('2026-10-25T00:30:00.000Z');
    expect(iso(berlin.reaches(utc('2026-10-25T03:00:00Z')))).toBe('2026-10-25T02:00:00.000Z');
  });

  it('reaches a reading that is passed over when the clock is set', () => {
    expect(iso(berlin.reaches(utc('2026-03-29T01:59:59Z')))).toBe('2026-03-29T00:59:59.000Z');
    expect(iso(berlin.reaches(utc('2026-03-29T02:30:00Z')))).toBe('2026-03-29T01:00:00.000Z');
    expect(iso(berlin.reaches(utc('2026-03-29T03:00:00Z')))).toBe('2026-03-29T01:00:00.000Z');
    expect(iso(new WallClock('Pacific/Apia').reaches(utc('2011-12-30T12:00:00Z')))).toBe(
      '2011-12-30T10:00:00.000Z',
    );
  });
});
