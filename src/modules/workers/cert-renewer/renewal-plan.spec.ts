import { describe, expect, it } from '@jest/globals';
import { NEW_RENEWAL } from '../../certificates/certificate.js';
import { criticalFrom, defaultRenewal, renewalOf, waitAfter, withRenewalInfo } from './renewal-plan.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1);
const lived = (days: number) => ({ notBefore: new Date(START), notAfter: new Date(START + days * DAY) });
const day = (days: number) => new Date(START + days * DAY);

describe('when a certificate is renewed', () => {
  it.each([
    [90, 60],
    [64, 64 * (2 / 3)],
    [45, 30],
    [10, 10 * (2 / 3)],
    [9.9, 4.95],
    [6, 3],
  ])('of %s days: on day %s, unless the CA says otherwise', (days, renewal) => {
    expect(defaultRenewal(lived(days)).getTime()).toBeCloseTo(day(renewal).getTime(), -1);
  });

  const window = (start: number, end: number) => ({ start: day(start), end: day(end), pollAt: day(1) });

  it('is a random moment in the CA’s window, which stays while the window does', () => {
    const first = withRenewalInfo(NEW_RENEWAL, window(20, 30), 0.25);
    expect(renewalOf(lived(90), first)).toEqual(day(22.5));
    const polled = withRenewalInfo(first, { ...window(20, 30), pollAt: day(2) }, 0.9);
    expect(renewalOf(lived(90), polled)).toEqual(day(22.5));
    expect(polled.ariPollAt).toEqual(day(2));
    const moved = withRenewalInfo(polled, window(2, 4), 0.5);
    expect(renewalOf(lived(90), moved)).toEqual(day(3));
    expect(withRenewalInfo(moved, undefined, 0.5)).toEqual(NEW_RENEWAL);
  });

  it('is at once when the CA’s window has passed, but for one that was issued just now: the next may be told the same', () => {
    const past = withRenewalInfo(NEW_RENEWAL, window(-2, -1), 0.5);
    expect(renewalOf(lived(90), past)).toEqual(new Date(START + 4 * HOUR));
    expect(renewalOf(lived(1), past)).toEqual(new Date(START + (24 * HOUR) / 50));
  });

  it('is the last twentieth at the latest, whatever the CA says', () => {
    expect(criticalFrom(lived(90))).toEqual(day(85.5));
    const late = withRenewalInfo(NEW_RENEWAL, window(89, 200), 0.5);
    expect(renewalOf(lived(90), late)).toEqual(day(85.5));
  });
});

describe('how long a failed renewal waits', () => {
  const exact = (failures: number, remaining?: number) => waitAfter(failures, remaining, 0.5);

  it('is 1, 10, 100 minutes, then a day', () => {
    const minutes = [1, 2, 3, 4, 5].map((failures) => exact(failures, 30 * DAY) / 60_000);
    expect(minutes).toEqual([1, 10, 100, 1440, 1440]);
  });

  it('is never more than a tenth of what is left, and of what is nearly over a quarter of an hour', () => {
    expect(exact(4, 3 * DAY)).toBeCloseTo(0.3 * DAY, 3);
    expect(exact(3, 2 * HOUR)).toBe(HOUR / 4);
    expect(exact(9, 0)).toBe(HOUR / 4);
    expect(exact(9, -DAY)).toBe(HOUR / 4);
  });

  it('is an hour at the most where there is no certificate yet', () => {
    expect(exact(1)).toBe(60_000);
    expect(exact(9)).toBe(HOUR);
  });

  it('varies by a tenth', () => {
    expect(waitAfter(4, 100 * DAY, 0)).toBeCloseTo(0.9 * DAY, 3);
    expect(waitAfter(4, 100 * DAY, 1)).toBeCloseTo(1.1 * DAY, 3);
  });
});
