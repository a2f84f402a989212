import { describe, expect, it } from '@jest/globals';
import { releaseOf } from './release.js';

describe('the release of the application', () => {
  const version = () => '0.0.1';

  it('is what the option says, or else the environment, or else the version of its package', () => {
    const environment = { WORKERS_RELEASE: 'a1b2c3' };
    expect(releaseOf('2.4.1', environment, version)).toBe('2.4.1');
    expect(releaseOf(undefined, environment, version)).toBe('a1b2c3');
    expect(releaseOf(undefined, { WORKERS_RELEASE: '' }, version)).toBe('0.0.1');
    expect(releaseOf(undefined, {}, () => undefined)).toBeUndefined();
  });

  it.each(['', 'x'.repeat(101), 'a\0b', '\ud83d', 7 as never])(
    'refuses %p, naming it and the fix',
    (release) => {
      expect(() => releaseOf(release, {}, version)).toThrow(/^release: .* is no release: give a text/);
    },
  );

  it('names the variable that has a bad one', () => {
    expect(() => releaseOf(undefined, { WORKERS_RELEASE: 'x'.repeat(101) }, version)).toThrow(
      /^WORKERS_RELEASE: /,
    );
  });
});
