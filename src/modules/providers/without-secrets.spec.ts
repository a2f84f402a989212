import { describe, expect, it } from '@jest/globals';
import { withoutSecrets } from './without-secrets.js';

describe('withoutSecrets', () => {
  it('hides the values of the environment of all services, and leaves short ones', () => {
    const services = [{ name: 'log', command: ['log'], env: { KEY: 'tr0ub4dor' } }];
    expect(withoutSecrets('hunter2 tr0ub4dor true', { env: { A: 'hunter2', B: 'true' }, services })).toBe(
      '[env] [env] true',
    );
  });

  it('hides all of a value that begins with another one', () => {
    expect(withoutSecrets('hunter2-hunter2', { env: { A: 'hunter2', B: 'hunter2-hunter2' } })).toBe('[env]');
    expect(withoutSecrets('hunter2-rest', { env: { A: 'hunter2', B: 'hunter2-rest' } })).toBe('[env]');
  });
});
