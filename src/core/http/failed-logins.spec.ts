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

  it('are forgotten beyond 10,000 addresses, the oldest first', () => {
    const logins = new FailedLogins();
    for (let n = 0; n < 10; n++) logins.failed('first', 0);
    for (let n = 0; n < 9_999; n++) logins.failed(`${n}`, 0);
    expect(logins.waitOf('first', 1)).toBe(60);
    logins.failed('one more', 0);
    expect(logins.waitOf('first', 1)).toBe(0);
  });
});
