import { describe, expect, it } from '@jest/globals';
import { Snapshot } from './snapshot.js';

describe('Snapshot', () => {
  it('sees what had ended and nothing that was running or came later', () => {
    const snapshot = Snapshot.parse('10:20:10,15', null);
    expect([9n, 11n, 19n].map((id) => snapshot.sees(id))).toEqual([true, true, true]);
    expect([10n, 15n, 20n, 21n].map((id) => snapshot.sees(id))).toEqual([false, false, false, false]);
    expect(snapshot.xmin).toBe(10n);
  });

  it('does not see the transaction that asked, which PostgreSQL leaves out of the running ones', () => {
    expect(Snapshot.parse('12:20:', '12').sees(12n)).toBe(false);
    expect(Snapshot.parse('12:20:', null).sees(12n)).toBe(true);
  });

  it('reads numbers that no double holds', () => {
    expect(
      Snapshot.parse('18446744073709551610:18446744073709551614:', null).sees(18446744073709551613n),
    ).toBe(true);
  });
});
