import { describe, expect, it } from '@jest/globals';
import { catchUpDelay, worthCatchingUp } from './catch-up.js';
import { timingOf } from '../registry/timing.js';

const HOUR = 3_600_000;

describe('a slot that was missed', () => {
  it.each([
    ['of a minute', timingOf('w', '1m'), undefined, HOUR, false],
    ['of an hour', timingOf('w', '1h'), undefined, 50 * HOUR, true],
    ['of cron', timingOf('w', { cron: '* * * * *' }), undefined, HOUR, true],
    ['of a minute that wants it', timingOf('w', '1m'), Infinity, HOUR, true],
    ['that is older than is wanted', timingOf('w', '1h'), HOUR, 2 * HOUR, false],
    ['that is just so old', timingOf('w', '1h'), HOUR, HOUR, true],
    ['of an hour that does not want it', timingOf('w', '1h'), 0, HOUR, false],
  ])('%s', (_what, timing, catchUp, age, worth) => {
    expect(worthCatchingUp(timing, { catchUp }, age)).toBe(worth);
  });

  it('waits up to ten seconds or a tenth of its interval, by its name', () => {
    const waits = (every: '1m' | '1d') =>
      Array.from({ length: 200 }, (_, i) => catchUpDelay(`w${i}`, timingOf(`w${i}`, every).schedule!, 0));
    expect(Math.max(...waits('1m'))).toBeLessThanOrEqual(6_000);
    expect(Math.max(...waits('1d'))).toBeLessThanOrEqual(10_000);
    expect(Math.max(...waits('1d'))).toBeGreaterThan(8_000);
    expect(waits('1d')).toEqual(waits('1d'));
  });
});
