import { describe, expect, it } from '@jest/globals';
import { CronTime } from 'cron';
import { parseCron } from './cron-expression.js';
import { CronPattern } from './cron-pattern.js';

const pattern = (cron: string): CronPattern => new CronPattern(parseCron(cron));

describe('CronPattern', () => {
  it.each([
    '* * * * * *',
    '*/7 1-59/2 * * * *',
    '59 59 23 31 12 *',
    '*/15 9-17 * * mon-fri',
    '0 0 13 * fri',
    '0 12 */10 2,8 *',
    '0 0 29 2 *',
    '30 4 1,15 * 5',
    '@weekends',
  ])('finds what the package finds that read it, where no clock is ever set: %s', (cron) => {
    const reference = new CronTime(cron);
    // The package looks no further than eight years from today.
    let at = Date.UTC(1930, 1, 27, 23, 58, 41, 7);
    for (let i = 0; i < 20; i++) {
      const next = reference.getNextDateFrom(new Date(at), 'UTC').toMillis();
      expect(pattern(cron).next(at)).toBe(next);
      expect(pattern(cron).latest(next)).toBe(next);
      expect(pattern(cron).latest(next - 1)).toBe(i === 0 ? pattern(cron).latest(at) : at);
      expect(pattern(cron).count(at, next)).toBe(1);
      at = next;
    }
  });

  it('counts a week of every second, and forty years of days, before 1970 too', () => {
    expect(pattern('* * * * * *').count(0, 7 * 86_400_000)).toBe(604_800);
    expect(pattern('@daily').count(Date.UTC(1950, 0, 1), Date.UTC(1990, 0, 1))).toBe(14_610);
    expect(pattern('@daily').count(5, 5)).toBe(0);
    expect(pattern('@daily').count(Date.UTC(1990, 0, 1), Date.UTC(1950, 0, 1))).toBe(0);
  });

  it('counts as it steps', () => {
    const odd = pattern('*/25 10-50/20 3,22 * * 1,4');
    const from = Date.UTC(2026, 0, 1, 3, 10, 25);
    let slot = from;
    for (let n = 1; n <= 500; n++) {
      slot = odd.next(slot);
      expect(odd.count(from, slot)).toBe(n);
      expect(odd.count(from, slot - 1)).toBe(n - 1);
    }
  });

  it('finds 29 February over the eight years without one', () => {
    const leap = pattern('0 0 29 2 *');
    expect(leap.next(Date.UTC(2096, 1, 29))).toBe(Date.UTC(2104, 1, 29));
    expect(leap.latest(Date.UTC(2104, 1, 28))).toBe(Date.UTC(2096, 1, 29));
  });
});
