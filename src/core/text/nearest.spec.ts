import { describe, expect, it } from '@jest/globals';
import { nearest } from './nearest.js';

describe('nearest', () => {
  it.each([
    ['replica', 'replicas'],
    ['intervall', 'interval'],
    ['Tenants', 'tenants'],
    ['dryrun', 'dryRun'],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, ['tenants', 'interval', 'replicas', 'dryRun'])).toBe(meant);
  });

  it('prefers the closest of several', () => {
    expect(nearest('ports', ['port', 'sports', 'ports2', 'ports'])).toBe('ports');
  });

  it.each(['color', 'ab', 'x', ''])('takes %j for nothing when no candidate is near', (word) => {
    expect(nearest(word, ['tenants', 'cd', 'y'])).toBeUndefined();
  });

  it('takes a word for nothing when there are no candidates', () => {
    expect(nearest('tenants', [])).toBeUndefined();
  });
});
