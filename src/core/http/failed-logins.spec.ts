import { describe, expect, it } from '@jest/globals';
import { FailedLogins } from './failed-logins.js';

describe('wrong tokens', () => {
  it('are counted by address, for a minute from the first', () => {
    const logins = new FailedLogins();
    for (let n = 0; n < 9; n++) logins.failed('a', 1_000 * n);
    expect(logins.waitOf('a', 9_000)).toBe(0);
    logins.failed('a', 10_000);
    expect(logins.waitOf('a', 10_000)).toBe(50);
    expect(logins.waitOf('b', 10_000)).toBe(0);
    expect(logins.waitOf('a', 59_999)).toBe(1);
    expect(logins.waitOf('a', 60_000)).toBe(0);
    logins.failed('a', 61_000);
    expect(logins.waitOf('a', 61_000)).toBe(0);
  });

  it('say once that an address has to wait', () => {
    const logins = new FailedLogins();
    const said = Array.from({ length: 15 }, () => logins.failed('a', 0));
    expect(said.map((told, n) => [n, told]).filter(([, told]) => told)).toEqual([[9, true]]);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['2001:db8:1:2::1', '2001:0DB8:0001:2:0:0:0:9', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['::1', '::2', true],
    ['fe80::1%eth0', 'fe80::2%eth0', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
    ['192.0.2.1', '192.0.2.2', false],
  ])('of %s count for %s: %s', (guesses, other, together) => {
    const logins = new FailedLogins();
    for (let n = 0; n < 10; n++) logins.failed(guesses, 0);
    expect(logins.waitOf(other, 1) > 0).toBe(together);
  });

  it('are forgotten beyond 10,000 addresses, the oldest first', () => {
    const logins = new FailedLogins();
    for (let n = 0; n < 10; n++) logins.failed('first', 0);
    for (let n = 0; n < 9_999; n++) logins.failed(`${n}`, 0);
    expect(logins.waitOf('first', 1)).toBe(60);
    logins.failed('one more', 0);
    expect(logins.waitOf('first', 1)).toBe(0);
  });
});
