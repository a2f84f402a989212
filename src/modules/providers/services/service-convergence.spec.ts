import { beforeEach, describe, expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { InitServiceFailedError, ServiceNotHealthyError } from '../provider.errors.js';
import { type InstanceSpec } from '../provider.js';
import { type HeldService, type ServiceHost, startServices, stopServices } from './service-convergence.js';
import { MAIN } from './service-spec.js';

/** Holds services without running anything. Init services have ended as soon as they are started. */
class FakeHost implements ServiceHost {
  readonly services = new Map<string, HeldService>();
  readonly done: string[] = [];
  /** Exit codes of init services. Default 0. */
  readonly exitCodes = new Map<string, number>();
  written: string[] = [];
  check: () => { exitCode: number; stderr: string } = () => ({ exitCode: 0, stderr: '' });

  async held(): Promise<HeldService[]> {
    return [...this.services.values()];
  }

  async start(name: string): Promise<void> {
    this.done.push(`start ${name}`);
    const exitCode = name.startsWith('init') ? (this.exitCodes.get(name) ?? 0) : undefined;
    const state = exitCode === undefined ? 'running' : 'exited';
    this.services.set(name, { name, state, isCurrent: true, exitCode });
  }

  async stop(name: string): Promise<void> {
    this.done.push(`stop ${name}`);
  }

  async remove(name: string): Promise<void> {
    this.done.push(`remove ${name}`);
    this.services.delete(name);
  }

  async exec(name: string) {
    this.done.push(`check ${name}`);
    return { stdout: '', ...this.check() };
  }

  async tail(_: string, lines: number): Promise<string[]> {
    return this.written.slice(-lines);
  }
}

const id = newId('instance');
const program = (name: string) => ({ name, command: ['run'] });

const SPEC: InstanceSpec = {
  command: ['run'],
  services: [
    { ...program('proxy'), dependsOn: [{ service: MAIN }] },
    { ...program('init-a'), kind: 'init' },
    { ...program('cache'), healthCheck: { command: ['ping'], interval: 10, attempts: 3 } },
    { ...program('init-b'), kind: 'init', env: { PASSWORD: 'hunter2' } },
  ],
  dependsOn: [{ service: 'cache', until: 'healthy' }],
};

const ORDER = ['start init-a', 'start init-b', 'start cache', 'check cache', 'start main', 'start proxy'];

describe('the services of an instance', () => {
  let host: FakeHost;
  const start = (options = {}) => startServices(id, SPEC, host, options);
  /** What a call does, after the services have been started once. */
  const afterStart = async (call: () => Promise<void>) => {
    await start();
    host.done.length = 0;
    await call();
    return host.done;
  };

  beforeEach(() => {
    host = new FakeHost();
  });

  it('start in their order, each when what it waits for is healthy', async () => {
    await start();
    expect(host.done).toEqual(ORDER);
  });

  it('stop in the reverse order, after those that are in the spec no longer', async () => {
    const stopped = await afterStart(async () => {
      await host.start('old');
      host.done.length = 0;
      await stopServices(SPEC, host);
    });
    expect(stopped).toEqual(
      ['old', 'proxy', 'main', 'cache', 'init-b', 'init-a'].map((name) => `stop ${name}`),
    );
  });

  it('are left alone when they run as wanted', async () => {
    expect(await afterStart(start)).toEqual([]);
  });

  it('start alone when one has ended, without the init services', async () => {
    const started = await afterStart(async () => {
      host.services.set('cache', { ...host.services.get('cache')!, state: 'exited' });
      await start();
    });
    expect(started).toEqual(['start cache']);
  });

  it('all start again, init services first, when the spec is another or a new start is asked for', async () => {
    expect(await afterStart(() => start({ anew: true }))).toEqual(ORDER);
    host = new FakeHost();
    const replaced = await afterStart(async () => {
      for (const [name, service] of host.services) host.services.set(name, { ...service, isCurrent: false });
      await start();
    });
    expect(replaced).toEqual(ORDER);
  });

  it('that the spec has no longer are removed before any starts', async () => {
    await host.start('old');
    host.done.length = 0;
    await start();
    expect(host.done).toEqual(['stop old', 'remove old', ...ORDER]);
  });

  it('do not start when an init service fails, which is told with its last lines and no secrets', async () => {
    host.exitCodes.set('init-b', 3);
    host.written = ['1', '2', '3', '4', '5', 'the password is hunter2'];
    const failure = start();
    await expect(failure).rejects.toThrow(InitServiceFailedError);
    await expect(failure).rejects.toThrow(
      '"init-b" ended with code 3: 2 / 3 / 4 / 5 / the password is [env]',
    );
    expect(host.done).toEqual(['start init-a', 'start init-b']);
  });

  it('wait for a health check until its last attempt, and say why it failed', async () => {
    host.check = () => ({ exitCode: 7, stderr: 'not yet, hunter2' });
    const failure = start();
    await expect(failure).rejects.toThrow(ServiceNotHealthyError);
    await expect(failure).rejects.toThrow(
      '"cache" is not healthy: its health check ends with 7: not yet, [env]',
    );
    expect(host.done.filter((call) => call === 'check cache')).toHaveLength(3);
    expect(host.done).not.toContain('start main');
  });

  it('stop waiting for the health of a service that has ended', async () => {
    host.check = () => {
      host.services.set('cache', { name: 'cache', state: 'exited', isCurrent: true, exitCode: 9 });
      return { exitCode: 1, stderr: '' };
    };
    await expect(start()).rejects.toThrow('"cache" is not healthy: it has ended with code 9');
    expect(host.done.filter((call) => call === 'check cache')).toHaveLength(1);
  });
});
