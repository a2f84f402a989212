import { describe, expect, it } from '@jest/globals';
import { cookieOf, isSession, sealSession } from './session.js';

describe('the session in a cookie', () => {
  const sealed = sealSession('token', 2_000);

  it('is that of its token until it ends, and holds nothing of the token', () => {
    expect(isSession(sealed, 'token', 1_999)).toBe(true);
    expect(isSession(sealed, 'token', 2_000)).toBe(false);
    expect(isSession(sealed, 'another', 1_999)).toBe(false);
    expect(sealed).not.toContain('token');
  });

  it('cannot be made longer, or up', () => {
    const [, seal] = sealed.split('.');
    for (const forged of [
      `9000.${seal}`,
      `2000.${'A'.repeat(43)}`,
      '',
      '.',
      `2000.`,
      `2000.${seal}x`,
      `-1.${seal}`,
    ])
      expect([forged, isSession(forged, 'token', 1_000)]).toEqual([forged, false]);
  });

  it.each([
    ['a=1; ctrlplane=x.y; b=2', 'x.y'],
    ['ctrlplane=x', 'x'],
    ['xctrlplane=x', undefined],
    ['ctrlplane', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('is found among %j', (header, value) => {
    expect(cookieOf(header, 'ctrlplane')).toBe(value);
  });
});
