import { describe, expect, it } from '@jest/globals';
import { type ServiceStatus } from '../provider.js';
import { MAIN } from './service-spec.js';
import { exitCodeOfServices, hashOfServices, stateOfServices, statusOfInstance } from './service-status.js';

describe('the state of an instance with several services', () => {
  const state = (
    desired: 'running' | 'stopped',
    main: ServiceStatus['state'],
    ...others: Partial<ServiceStatus>[]
  ) =>
    stateOfServices(
      [
        { name: MAIN, kind: 'main', state: main },
        ...others.map((other) => ({
          name: 'a',
          kind: 'sidecar' as const,
          state: 'running' as const,
          ...other,
        })),
      ],
      desired,
    );

  it.each<[ServiceStatus['state'], ReturnType<typeof state>]>([
    ['running', state('running', 'running', {})],
    ['running', state('running', 'running', {}, { kind: 'init', state: 'exited', exitCode: 0 })],
    ['exited', state('running', 'running', { state: 'exited' })],
    ['exited', state('running', 'running', { state: 'missing' })],
    ['exited', state('running', 'exited', {})],
    ['stopped', state('running', 'missing', {})],
    ['stopped', state('stopped', 'stopped', { state: 'stopped' })],
    ['running', state('stopped', 'stopped', {})],
    ['unknown', state('running', 'running', { state: 'unknown' })],
  ])('is %s', (expected, found) => expect(found).toBe(expected));

  it('has the exit code of the main program, else of the first other that has ended, but for init services that are done', () => {
    const init: ServiceStatus = { name: 'i', kind: 'init', state: 'exited', exitCode: 0 };
    const sidecar: ServiceStatus = { name: 's', kind: 'sidecar', state: 'exited', exitCode: 4 };
    const main: ServiceStatus = { name: MAIN, kind: 'main', state: 'exited', exitCode: 3 };
    expect(exitCodeOfServices([sidecar, init, main])).toBe(3);
    expect(exitCodeOfServices([init, sidecar, { ...main, state: 'running' }])).toBe(4);
    expect(exitCodeOfServices([init])).toBeUndefined();
  });

  it('has the hash of its spec only when all services were made from it', () => {
    expect(hashOfServices(['a', 'a'])).toBe('a');
    expect(hashOfServices(['a', 'b'])).toMatch(/^mixed:/);
    expect(hashOfServices([undefined])).toBeUndefined();
  });

  it('shows what the spec has and nobody found as missing, and what was found without being in the spec last', () => {
    const spec = { services: [{ name: 'a', kind: 'init' as const, command: ['a'] }] };
    const old: ServiceStatus = { name: 'old', kind: 'sidecar', state: 'running' };
    const main: ServiceStatus = { name: MAIN, kind: 'main', state: 'running' };
    const found = [old, main].map((status) => ({ status, specHash: 'h' }));
    expect(statusOfInstance(spec, found, 'running')).toEqual({
      state: 'running',
      desiredState: 'running',
      specHash: 'h',
      services: [main, { name: 'a', kind: 'init', state: 'missing' }, old],
    });
  });
});

describe('the state of an instance that is its main program alone', () => {
  it.each(['running', 'exited', 'unknown'] as const)('is that of the program: %s', (state) => {
    const status: ServiceStatus = { name: MAIN, kind: 'main', state, exitCode: 3 };
    const exitCode = state === 'exited' ? { exitCode: 3 } : {};
    expect(statusOfInstance({}, [{ status, specHash: 'h' }], 'running')).toEqual({
      state,
      desiredState: 'running',
      specHash: 'h',
      ...exitCode,
    });
  });
});
