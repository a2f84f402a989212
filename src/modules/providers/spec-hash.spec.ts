import { describe, expect, it } from '@jest/globals';
import { type InstanceSpec } from './provider.js';
import { specHash } from './spec-hash.js';

const spec: InstanceSpec = {
  command: ['node', 'server.mjs'],
  env: { A: '1', B: '2' },
  ports: [
    { name: 'http', env: 'PORT' },
    { name: 'admin', env: 'ADMIN_PORT' },
  ],
};

describe('specHash', () => {
  it('does not depend on the order of keys and of ports', () => {
    const { command, env, ports } = spec;
    const other = { ports: ports?.toReversed(), env: { B: env!.B!, A: env!.A! }, command };
    expect(specHash(other)).toBe(specHash(spec));
  });

  it('takes what is empty for what is left out', () => {
    const { command } = spec;
    expect(specHash({ command, env: {}, ports: [], image: undefined })).toBe(specHash({ command }));
  });

  it.each<[string, Partial<InstanceSpec>]>([
    ['the command', { command: ['node', 'other.mjs'] }],
    ['the order of its words', { command: ['server.mjs', 'node'] }],
    ['a variable', { env: { A: '1', B: '3' } }],
    ['a port', { ports: [{ name: 'http', env: 'HTTP_PORT' }] }],
    ['the image', { image: 'web:2' }],
    ['the working directory', { workingDirectory: '/srv' }],
  ])('differs when %s differs', (_what, change) => {
    expect(specHash({ ...spec, ...change })).not.toBe(specHash(spec));
  });
});
