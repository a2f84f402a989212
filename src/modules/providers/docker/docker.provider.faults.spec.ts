import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ContainerDaemon,
  type DaemonKind,
  IMAGE,
  startDaemon,
} from '../../../../test/support/container-daemon.js';
import { type DaemonProxy, startDaemonProxy, type Treatment } from '../../../../test/support/daemon-proxy.js';
import { eventually } from '../../../../test/support/eventually.js';
import { describeWith } from '../../../../test/support/needs.js';
import { newId } from '../../ids/typed-id.js';
import { ImageArchitectureError, ProviderUnavailableError } from '../provider.errors.js';
import { type InstanceSpec, LABELS, type ProvisionRequest } from '../provider.js';
import { containerName, OWN_LABELS } from './container-notes.js';
import { DockerProvider } from './docker.provider.js';

const SLEEPER: InstanceSpec = {
  image: IMAGE,
  command: ['/bin/sh', '-c', 'echo ready; exec sleep 3600'],
  env: { GREETING: 'hello' },
};

/** Longest for a case: a loaded machine starts a container in seconds. */
const LIMIT = 180_000;

interface Inspected {
  HostConfig: Record<string, unknown> & { RestartPolicy: { Name: string } };
}

for (const kind of ['podman', 'dockerd'] satisfies DaemonKind[])
  describeWith(kind, `DockerProvider on ${kind}, when things go wrong`, () => {
    let daemon: ContainerDaemon;
    let proxy: DaemonProxy;
    let provider: DockerProvider;
    let namespace: string;

    beforeAll(async () => {
      daemon = await startDaemon(kind);
    }, LIMIT);
    afterAll(() => daemon?.stop(), LIMIT);

    beforeEach(async () => {
      namespace = `t${randomUUID().slice(0, 8)}`;
      proxy = await startDaemonProxy(daemon.socket);
      provider = providerOf(proxy.host);
    });
    afterEach(async () => {
      await proxy.close();
      const sure = providerOf(daemon.host);
      for (const { instanceId } of await sure.list()) await sure.deprovision(instanceId);
    }, LIMIT);

    const providerOf = (host: string) =>
      new DockerProvider({ host, namespace, network: 'host', stopGrace: 0, pull: 'never' });

    const request = (spec: Partial<InstanceSpec> = {}): ProvisionRequest => ({
      instanceId: newId('instance'),
      tenantId: newId('tenant'),
      name: 'web',
      spec: { ...SLEEPER, ...spec },
      labels: {},
    });

    /** All of the namespace, in the daemon's own words. */
    const containers = async () => {
      const filters = encodeURIComponent(JSON.stringify({ label: [`${OWN_LABELS.namespace}=${namespace}`] }));
      const { text } = await daemon.call('GET', `/containers/json?all=1&filters=${filters}`);
      return JSON.parse(text) as { Id: string; Names: string[]; State: string }[];
    };

    /** Once for the first call of that kind. */
    const once = (pattern: RegExp, treatment: Treatment) => {
      let done = false;
      proxy.treat = (call) => {
        if (done || !pattern.test(call)) return 'pass';
        done = true;
        return treatment;
      };
    };

    it.each([
      ['lie', /containers\/create$/],
      ['hang up', /containers\/create$/],
      ['lie', /start$/],
      ['hang up', /start$/],
    ] as [Treatment, RegExp][])(
      'finds again what was started although the daemon failed (%s, %s)',
      async (treatment, call) => {
        once(call, treatment);
        const wanted = request();
        const made = await provider.provision(wanted);
        expect(made.state).toBe('running');
        expect(await provider.list()).toEqual([made]);
        expect(await containers()).toHaveLength(1);
      },
      LIMIT,
    );

    it(
      'converges from a failure at any step of a deployment, and leaves one container',
      async () => {
        const wanted = request();
        const sure = providerOf(daemon.host);
        await sure.provision(wanted);
        for (let step = 0, failed = true; failed; step++) {
          const spec = { ...SLEEPER, env: { GREETING: `step ${step}` } };
          let calls = 0;
          // Once the connection is lost, nothing more is done: as when the replica dies there.
          proxy.treat = () => (calls++ < step ? 'pass' : calls === step + 1 ? 'hang up' : 'refuse');
          failed = await provider.deploy(wanted.instanceId, spec).then(
            () => false,
            () => true,
          );
          const next = await sure.deploy(wanted.instanceId, spec);
          expect(next.state).toBe('running');
          expect(await sure.notes(wanted.instanceId)).toMatchObject({ spec });
          expect((await containers()).map(({ Names, State }) => [...Names, State])).toEqual([
            [`/${containerName(namespace, wanted.instanceId, 'current')}`, 'running'],
          ]);
          expect(step).toBeLessThan(30);
        }
      },
      LIMIT,
    );

    it(
      'converges from a failure at any step of a removal, and leaves nothing',
      async () => {
        const sure = providerOf(daemon.host);
        for (let step = 0, failed = true; failed; step++) {
          const wanted = request();
          await sure.provision(wanted);
          let calls = 0;
          proxy.treat = () => (calls++ < step ? 'pass' : calls === step + 1 ? 'hang up' : 'refuse');
          failed = await provider.deprovision(wanted.instanceId).then(
            () => false,
            () => true,
          );
          await sure.deprovision(wanted.instanceId);
          expect(await containers()).toEqual([]);
          expect(step).toBeLessThan(30);
        }
      },
      LIMIT,
    );

    it(
      'takes half a list for an outage, and never for the whole',
      async () => {
        await provider.provision(request());
        await provider.provision(request());
        for (const treatment of ['half', 'refuse', 'hang up'] as const) {
          proxy.treat = () => treatment;
          await expect(provider.list()).rejects.toThrow(ProviderUnavailableError);
        }
        proxy.treat = () => 'pass';
        expect(await provider.list()).toHaveLength(2);
      },
      LIMIT,
    );

    it(
      'lists all of them in one call, and asks for none of them alone',
      async () => {
        for (let each = 0; each < 4; each++) await provider.provision(request());
        proxy.calls.length = 0;
        expect(await provider.list()).toHaveLength(4);
        expect(proxy.calls).toEqual(['GET /containers/json']);
      },
      LIMIT,
    );

    it(
      'finds its instances again when the daemon was killed and is back, and starts what has ended with it',
      async () => {
        const wanted = request();
        await provider.provision(wanted);
        const stopped = request();
        await provider.provision(stopped);
        await provider.stop(stopped.instanceId);
        const storeId = await provider.storeId();
        await daemon.kill();
        await expect(provider.list()).rejects.toThrow(ProviderUnavailableError);
        await expect(provider.provision(request())).rejects.toThrow(ProviderUnavailableError);
        await daemon.start();
        const again = providerOf(daemon.host);
        expect(await again.storeId()).toBe(storeId);
        expect(await again.status(stopped.instanceId)).toMatchObject({ state: 'stopped' });
        expect((await again.list()).map(({ instanceId }) => instanceId).sort()).toEqual(
          [wanted.instanceId, stopped.instanceId].sort(),
        );
        expect(await again.provision(wanted)).toMatchObject({ state: 'running' });
        expect(await containers()).toHaveLength(2);
      },
      LIMIT,
    );

    it(
      'fails a command and a followed log when the daemon is killed in the middle of them',
      async () => {
        const { instanceId } = await provider.provision(request());
        const direct = providerOf(daemon.host);
        const lines = direct.followLogs(instanceId)[Symbol.asyncIterator]();
        expect(await lines.next()).toEqual({ done: false, value: 'ready' });
        const rest = lines.next().then(
          ({ done }) => (done ? 'ended' : 'went on'),
          (error: unknown) => error,
        );
        const command = direct.exec(instanceId, ['sleep', '3600']).catch((error: unknown) => error);
        await eventually(async () =>
          (await direct.exec(instanceId, ['sh', '-c', 'cat /proc/[0-9]*/cmdline'])).stdout.includes(
            'sleep\x003600',
          ),
        );
        await daemon.kill();
        expect(await command).toBeInstanceOf(ProviderUnavailableError);
        const end = await rest;
        expect(end === 'ended' || end instanceof ProviderUnavailableError).toBe(true);
        await daemon.start();
      },
      LIMIT,
    );

    it(
      'ends a command that is given up, and what that has started',
      async () => {
        const { instanceId } = await provider.provision(request());
        const commands = async () =>
          (await provider.exec(instanceId, ['sh', '-c', 'cat /proc/[0-9]*/cmdline'])).stdout;
        const controller = new AbortController();
        const given = provider
          .exec(instanceId, ['sh', '-c', 'sleep 77777 & sleep 77777; true'], controller.signal)
          .catch((error: unknown) => error);
        await eventually(async () => (await commands()).includes('77777'));
        controller.abort(new Error('no time left'));
        expect(await given).toEqual(new Error('no time left'));
        await eventually(async () => !(await commands()).includes('77777'));
      },
      LIMIT,
    );

    it(
      'holds an instance to its limits, and lets the daemon start nothing by itself',
      async () => {
        const limits = { cpuCores: 0.5, memoryBytes: 64 * 1024 * 1024, processes: 50 };
        const { ref } = await provider.provision(request({ limits }));
        const { text } = await daemon.call('GET', `/containers/${ref}/json`);
        const { HostConfig } = JSON.parse(text) as Inspected;
        expect(HostConfig).toMatchObject({ Memory: limits.memoryBytes, PidsLimit: 50 });
        const { NanoCpus, CpuQuota, CpuPeriod } = HostConfig;
        expect(NanoCpus || Number(CpuQuota) / Number(CpuPeriod)).toBe(NanoCpus ? 5e8 : 0.5);
        expect(['', 'no']).toContain(HostConfig.RestartPolicy.Name);
        const [stats] = await provider.stats();
        expect(stats).toMatchObject({ cpuLimitCores: 0.5, memoryLimitBytes: limits.memoryBytes });
      },
      LIMIT,
    );

    it(
      'names an image that is made for other machines',
      async () => {
        await daemon.importImage('ctrlplane-foreign', (root) => {
          mkdirSync(join(root, 'bin'));
          // The header of a program for a machine that nobody has: nothing starts it.
          const header = Buffer.alloc(64);
          header.write('\x7fELF\x02\x01\x01', 'latin1');
          header.writeUInt16LE(2, 16);
          header.writeUInt16LE(0xf3, 18);
          writeFileSync(join(root, 'bin/program'), header);
          chmodSync(join(root, 'bin/program'), 0o755);
        });
        const wanted = request({ image: 'ctrlplane-foreign', command: ['/bin/program'] });
        // It is found out once it has ended, by its log.
        const failure = await eventually(() =>
          provider.provision(wanted).then(
            () => undefined,
            (error: unknown) => error,
          ),
        );
        expect(failure).toBeInstanceOf(ImageArchitectureError);
      },
      LIMIT,
    );

    it(
      'says `unknown` of a container of ours that it cannot read, hides no other for it, and removes it when told to',
      async () => {
        await provider.provision(request());
        const id = newId('instance');
        await daemon.call('POST', `/containers/create?name=${containerName(namespace, id, 'current')}`, {
          Image: IMAGE,
          Cmd: ['sleep', '3600'],
          Labels: {
            [LABELS.instance]: id,
            [OWN_LABELS.namespace]: namespace,
            [OWN_LABELS.record]: '{"spec":',
          },
          HostConfig: { NetworkMode: 'host' },
        });
        const listed = await provider.list();
        expect(listed.map(({ state }) => state).sort()).toEqual(['running', 'unknown']);
        await provider.deprovision(id);
        expect(await provider.list()).toHaveLength(1);
      },
      LIMIT,
    );

    it(
      'sees nothing of another namespace at the same daemon, and leaves it alone',
      async () => {
        const other = new DockerProvider({
          host: daemon.host,
          namespace: `${namespace}x`,
          network: 'host',
          stopGrace: 0,
        });
        const wanted = request();
        await other.provision(wanted);
        expect(await provider.list()).toEqual([]);
        await provider.deprovision(wanted.instanceId);
        expect(await other.status(wanted.instanceId)).toMatchObject({ state: 'running' });
        await other.deprovision(wanted.instanceId);
      },
      LIMIT,
    );

    it(
      'keeps the identity of its store when somebody prunes volumes',
      async () => {
        const storeId = await provider.storeId();
        await provider.provision(request());
        await daemon.call('DELETE', `/volumes/${namespace}-store`);
        expect(await providerOf(daemon.host).storeId()).toBe(storeId);
      },
      LIMIT,
    );
  });

describe('DockerProvider without a daemon', () => {
  it('says where it looked, and what helps', async () => {
    const provider = new DockerProvider({ host: 'unix:///nowhere/docker.sock' });
    await expect(provider.healthCheck()).rejects.toThrow(
      /Provider "docker" is unavailable: .*\/nowhere\/docker\.sock.*Start the daemon, or give the option `host`/,
    );
    await expect(provider.list()).rejects.toThrow(ProviderUnavailableError);
  });

  it('refuses options that cannot be, and shows no password', () => {
    const registries = { 'r.test': { username: '', password: 'hunter2' } };
    const refused = () => new DockerProvider({ registries });
    expect(refused).toThrow(/registries/);
    expect(refused).not.toThrow(/hunter2/);
    expect(() => new DockerProvider({ host: '/var/run/docker.sock' })).toThrow(/host: .*"unix:/);
  });
});
