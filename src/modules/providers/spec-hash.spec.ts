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
    const empty = { env: {}, ports: [], image: undefined, limits: {}, volumes: [], networks: [] };
    expect(specHash({ command, ...empty })).toBe(specHash({ command }));
    const volume = { name: 'data', path: '/data' };
    expect(specHash({ command, volumes: [{ ...volume, readOnly: false }] })).toBe(
      specHash({ command, volumes: [volume] }),
    );
  });

  it('stays what it was for specs from before there were limits, volumes and networks', () => {
    expect(specHash(spec)).toBe('wOnjGecCkPuebjfJiy2Kql');
  });

  it.each<[string, Partial<InstanceSpec>]>([
    ['the command', { command: ['node', 'other.mjs'] }],
    ['the order of its words', { command: ['server.mjs', 'node'] }],
    ['a variable', { env: { A: '1', B: '3' } }],
    ['a port', { ports: [{ name: 'http', env: 'HTTP_PORT' }] }],
    ['the image', { image: 'web:2' }],
    ['the working directory', { workingDirectory: '/srv' }],
    ['the port of its container', { ports: [{ ...spec.ports![0]!, containerPort: 80 }, spec.ports![1]!] }],
    ['a limit', { limits: { memoryBytes: 64e6 } }],
    ['a volume', { volumes: [{ name: 'data', path: '/data' }] }],
    ['whether a volume can be written to', { volumes: [{ name: 'data', path: '/data', readOnly: true }] }],
    ['a network', { networks: ['backend'] }],
  ])('differs when %s differs', (_what, change) => {
    expect(specHash({ ...spec, ...change })).not.toBe(specHash(spec));
  });
});
