import { describe, expect, it } from '@jest/globals';
import { type Worker } from '../../worker/worker.js';
import { leaseLength } from './lease-length.js';
import { timingOf } from '../../registry/timing.js';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 30);

describe('leaseLength', () => {
  const of = (every: Worker['interval'], own?: number, applications?: number) =>
    leaseLength({ lease: own }, applications, timingOf('w', every), NOW);

  it.each<[Worker['interval'], number]>([
    ['200ms', 1_000],
    ['1s', 1_000],
    ['3s', 3_000],
    ['5s', 5_000],
    ['1h', 5_000],
    [0, 5_000],
    [{ cron: '* * * * * *', timeZone: 'UTC' }, 1_000],
    [{ cron: '*/3 * * * * *', timeZone: 'UTC' }, 3_000],
    [{ cron: '0,2 0 4 * * *', timeZone: 'UTC' }, 2_000],
    [{ cron: '0 * * * *', timeZone: 'UTC' }, 5_000],
    [{ cron: '@daily', timeZone: 'UTC' }, 5_000],
    [{ at: new Date(NOW + 1_000) }, 5_000],
  ])('fits the schedule %j: %d ms', (every, length) => {
    expect(of(every)).toBe(length);
  });

  it('fits a schedule that ends soon', () => {
    const timing = timingOf('w', { cron: '*/3 * * * * *' }, undefined, undefined, NOW + 7_000);
    expect(leaseLength({ lease: undefined }, undefined, timing, NOW)).toBe(3_000);
    const over = timingOf('w', { cron: '* * * * * *' }, undefined, undefined, NOW);
    expect(leaseLength({ lease: undefined }, undefined, over, NOW)).toBe(5_000);
  });

  it('is what the application says, and rather what the worker says', () => {
    expect(of('1s', undefined, 8_000)).toBe(8_000);
    expect(of('1s', 30_000, 8_000)).toBe(30_000);
  });
});
