import { describe, expect, it } from '@jest/globals';
import { type InstanceSpec, type ServiceSpec } from './provider.js';
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

  it('does not depend on the order in which a program names what it waits for', () => {
    const dependsOn = [{ service: 'a' }, { service: 'b', until: 'healthy' as const }];
    expect(specHash({ ...spec, dependsOn: dependsOn.toReversed() })).toBe(specHash({ ...spec, dependsOn }));
  });

  it('takes what is empty for what is left out', () => {
    const { command } = spec;
    const containers = { image: undefined, limits: {}, volumes: [], networks: [] };
    const empty = { env: {}, ports: [], ...containers, services: [], dependsOn: [], healthCheck: undefined };
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
    ['what it waits for', { dependsOn: [{ service: 'a' }] }],
    ['its health check', { healthCheck: { command: ['ping'] } }],
    ['a service', { services: [{ name: 'a', command: ['a'] }] }],
  ])('differs when %s differs', (_what, change) => {
    expect(specHash({ ...spec, ...change })).not.toBe(specHash(spec));
  });

  it.each<[string, Partial<ServiceSpec>]>([
    ['its name', { name: 'b' }],
    ['its kind', { kind: 'init' }],
    ['its command', { command: ['b'] }],
    ['its health check', { healthCheck: { command: ['ping'] } }],
  ])('differs when a service differs in %s', (_what, change) => {
    const service: ServiceSpec = { name: 'a', command: ['a'] };
    const hash = specHash({ ...spec, services: [service] });
    expect(specHash({ ...spec, services: [{ ...service, kind: 'sidecar' }] })).toBe(hash);
    expect(specHash({ ...spec, services: [{ ...service, ...change }] })).not.toBe(hash);
  });
});
