import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type ContainerDaemon, IMAGE, startDaemon } from '../../../../test/support/container-daemon.js';
import { type DaemonProxy, startDaemonProxy } from '../../../../test/support/daemon-proxy.js';
import { describeWith } from '../../../../test/support/needs.js';
import { newId } from '../../ids/typed-id.js';
import { type InstanceSpec, type ProvisionRequest } from '../provider.js';
import { containerName, OWN_LABELS } from './container-notes.js';
import { DockerProvider } from './docker.provider.js';

const program = (rest = 'exec sleep 3600') => ({
  image: IMAGE,
  command: ['/bin/sh', '-c', `echo ready; ${rest}`],
});

const SPEC: InstanceSpec = {
  ...program(),
  services: [
    { name: 'migrate', kind: 'init', ...program('exit 0') },
    { name: 'logger', ...program() },
  ],
};

/** Longest for a case: a loaded machine starts a container in seconds. */
const LIMIT = 240_000;

describeWith('podman', 'DockerProvider with several services, when things go wrong', () => {
  let daemon: ContainerDaemon;
  let proxy: DaemonProxy;
  let namespace: string;
  let provider: DockerProvider;
  let sure: DockerProvider;

  beforeAll(async () => {
    daemon = await startDaemon('podman');
  }, LIMIT);
  afterAll(() => daemon?.stop(), LIMIT);

  beforeEach(async () => {
    namespace = `t${randomUUID().slice(0, 8)}`;
    proxy = await startDaemonProxy(daemon.socket);
    provider = providerOf(proxy.host);
    sure = providerOf(daemon.host);
  });
  afterEach(async () => {
    await proxy.close();
    for (const { instanceId } of await sure.list()) await sure.deprovision(instanceId);
  }, LIMIT);

  const providerOf = (host: string) =>
    new DockerProvider({ host, namespace, network: 'host', stopGrace: 0, pull: 'never' });

  const request = (): ProvisionRequest => ({
    instanceId: newId('instance'),
    tenantId: newId('tenant'),
    name: 'web',
    spec: SPEC,
    labels: {},
  });

  const containers = async () => {
    const filters = encodeURIComponent(JSON.stringify({ label: [`${OWN_LABELS.namespace}=${namespace}`] }));
    const { text } = await daemon.call('GET', `/containers/json?all=1&filters=${filters}`);
    return (JSON.parse(text) as { Names: string[]; State: string }[])
      .map(({ Names, State }) => `${Names[0]} ${State}`)
      .sort();
  };

  /** Once the connection is lost, nothing more is done: as when the replica dies there. */
  const dieAt = (step: number) => {
    let calls = 0;
    proxy.treat = () => (calls++ < step ? 'pass' : calls === step + 1 ? 'hang up' : 'refuse');
  };

  const failed = (call: Promise<unknown>) =>
    call.then(
      () => false,
      () => true,
    );

  it(
    'completes a start that was cut off at any step, or removes it, and doubles nothing',
    async () => {
      for (let step = 0, again = true; again; step += 3) {
        const [completed, removed] = [request(), request()];
        for (const wanted of [completed, removed]) {
          dieAt(step);
          again = await failed(provider.provision(wanted));
        }
        const made = await sure.provision(completed);
        expect(made.state).toBe('running');
        await sure.deprovision(removed.instanceId);
        const name = (service?: string) =>
          `/${containerName(namespace, completed.instanceId, 'current', service)}`;
        expect(await containers()).toEqual(
          [`${name()} running`, `${name('logger')} running`, `${name('migrate')} exited`].sort(),
        );
        expect(await sure.list()).toEqual([made]);
        await sure.deprovision(completed.instanceId);
        expect(await containers()).toEqual([]);
        expect(step).toBeLessThan(100);
      }
    },
    LIMIT,
  );

  it(
    'converges when the daemon is killed in the middle of a start, and of a removal',
    async () => {
      const wanted = request();
      const starting = failed(sure.provision(wanted));
      while (!(await containers()).length);
      await daemon.kill();
      expect(await starting).toBe(true);
      await daemon.start();
      const again = providerOf(daemon.host);
      expect((await again.provision(wanted)).services?.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'main running',
        'migrate exited',
        'logger running',
      ]);
      expect(await containers()).toHaveLength(3);
      const removing = again.deprovision(wanted.instanceId).catch(() => undefined);
      while ((await containers()).length === 3);
      await daemon.kill();
      await removing;
      await daemon.start();
      await providerOf(daemon.host).deprovision(wanted.instanceId);
      expect(await containers()).toEqual([]);
    },
    LIMIT,
  );

  it(
    'lists instances with several services in one call',
    async () => {
      for (let each = 0; each < 2; each++) await provider.provision(request());
      proxy.calls.length = 0;
      expect(await provider.list()).toHaveLength(2);
      expect(proxy.calls).toEqual(['GET /containers/json']);
    },
    LIMIT,
  );
});
