import { expect, it } from '@jest/globals';
import { withDefaults } from './with-defaults.js';

it('takes what is given, and of what is left out or undefined the default', () => {
  const defaults = { size: 10, wait: 100, name: 'a' };
  expect(withDefaults(defaults, { size: 1, wait: undefined })).toEqual({ size: 1, wait: 100, name: 'a' });
  expect(withDefaults(defaults, { size: 0, name: '' })).toEqual({ size: 0, wait: 100, name: '' });
  expect(withDefaults(defaults, undefined)).toEqual(defaults);
  expect(defaults).toEqual({ size: 10, wait: 100, name: 'a' });
});
