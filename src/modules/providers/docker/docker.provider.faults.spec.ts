import { expect, it } from '@jest/globals';
import { once as event } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type DaemonKind, IMAGE } from '../../../../test/support/container-daemon.js';
import { type Treatment } from '../../../../test/support/daemon-proxy.js';
import { eventually } from '../../../../test/support/eventually.js';
import { describeWith } from '../../../../test/support/needs.js';
import { failed, requestOf, UnreliableDaemon } from '../../../../test/support/unreliable-daemon.js';
import { newId } from '../../ids/typed-id.js';
import {
  ImageArchitectureError,
  ImageMissingError,
  PortTakenError,
  ProviderUnavailableError,
  ProvisionFailedError,
} from '../provider.errors.js';
import { type InstanceSpec, LABELS } from '../provider.js';
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
    const own = UnreliableDaemon.ofSuite(kind);
    const request = (spec: Partial<InstanceSpec> = {}) => requestOf({ ...SLEEPER, ...spec });

    /** Once for the first call of that kind. */
    const once = (pattern: RegExp, treatment: Treatment) => {
      let done = false;
      own.proxy.treat = (call) => {
        if (done || !pattern.test(call)) return 'pass';
        done = true;
        return treatment;
      };
    };

    it.each([
      ['lie', /containers\/create$/],
      ['hang up', /containers\/create$/],
      ['half', /containers\/create$/],
      ['lie', /start$/],
      ['hang up', /start$/],
    ] as [Treatment, RegExp][])(
      'finds again what was started although the daemon failed (%s, %s)',
      async (treatment, call) => {
        once(call, treatment);
        const wanted = request();
        const made = await own.provider.provision(wanted);
        expect(made.state).toBe('running');
        expect(await own.provider.list()).toEqual([made]);
        expect(await own.containers()).toHaveLength(1);
      },
      LIMIT,
    );

    it(
      'converges from a failure at any step of a deployment, and leaves one container',
      async () => {
        const wanted = request();
        await own.sure.provision(wanted);
        for (let step = 0, again = true; again; step++) {
          const spec = { ...SLEEPER, env: { GREETING: `step ${step}` } };
          own.dieAt(step);
          again = await failed(own.provider.deploy(wanted.instanceId, spec));
          const next = await own.sure.deploy(wanted.instanceId, spec);
          expect(next.state).toBe('running');
          expect(await own.sure.notes(wanted.instanceId)).toMatchObject({ spec });
          expect((await own.containers()).map(({ Names, State }) => [...Names, State])).toEqual([
            [`/${containerName(own.namespace, wanted.instanceId, 'current')}`, 'running'],
          ]);
          expect(step).toBeLessThan(30);
        }
      },
      LIMIT,
    );

    it(
      'converges from a failure at any step of a removal, and leaves nothing',
      async () => {
        for (let step = 0, again = true; again; step++) {
          const wanted = request();
          await own.sure.provision(wanted);
          own.dieAt(step);
          again = await failed(own.provider.deprovision(wanted.instanceId));
          await own.sure.deprovision(wanted.instanceId);
          expect(await own.containers()).toEqual([]);
          expect(step).toBeLessThan(30);
        }
      },
      LIMIT,
    );

    it(
      'takes half a list for an outage, and never for the whole',
      async () => {
        await own.provider.provision(request());
        await own.provider.provision(request());
        for (const treatment of ['half', 'refuse', 'hang up'] as const) {
          own.proxy.treat = () => treatment;
          await expect(own.provider.list()).rejects.toThrow(ProviderUnavailableError);
        }
        own.proxy.treat = () => 'pass';
        expect(await own.provider.list()).toHaveLength(2);
      },
      LIMIT,
    );

    it(
      'lists all of them in one call, and asks for none of them alone',
      async () => {
        for (let each = 0; each < 4; each++) await own.provider.provision(request());
        own.proxy.calls.length = 0;
        expect(await own.provider.list()).toHaveLength(4);
        expect(own.proxy.calls).toEqual(['GET /containers/json']);
      },
      LIMIT,
    );

    it(
      'finds its instances again when the daemon was killed and is back, and starts what has ended with it',
      async () => {
        const wanted = request();
        await own.provider.provision(wanted);
        const stopped = request();
        await own.provider.provision(stopped);
        await own.provider.stop(stopped.instanceId);
        const storeId = await own.provider.storeId();
        await own.daemon.kill();
        await expect(own.provider.list()).rejects.toThrow(ProviderUnavailableError);
        await expect(own.provider.provision(request())).rejects.toThrow(ProviderUnavailableError);
        await own.daemon.start();
        const again = own.providerOf();
        expect(await again.storeId()).toBe(storeId);
        expect(await again.status(stopped.instanceId)).toMatchObject({ state: 'stopped' });
        expect((await again.list()).map(({ instanceId }) => instanceId).sort()).toEqual(
          [wanted.instanceId, stopped.instanceId].sort(),
        );
        expect(await again.provision(wanted)).toMatchObject({ state: 'running' });
        expect(await own.containers()).toHaveLength(2);
      },
      LIMIT,
    );

    it(
      'fails a command and a followed log when the daemon is killed in the middle of them, and ends the command when it is back',
      async () => {
        const { instanceId } = await own.provider.provision(request());
        const direct = own.providerOf();
        const lines = direct.followLogs(instanceId)[Symbol.asyncIterator]();
        expect(await lines.next()).toEqual({ done: false, value: 'ready' });
        const rest = lines.next().then(
          ({ done }) => (done ? 'ended' : 'went on'),
          (error: unknown) => error,
        );
        const command = direct.exec(instanceId, ['sleep', '77778']).catch((error: unknown) => error);
        const goesOn = async () =>
          (await direct.exec(instanceId, ['sh', '-c', 'cat /proc/[0-9]*/cmdline'])).stdout.includes('77778');
        await eventually(goesOn);
        await own.daemon.kill();
        expect(await command).toBeInstanceOf(ProviderUnavailableError);
        const end = await rest;
        expect(end === 'ended' || end instanceof ProviderUnavailableError).toBe(true);
        await own.daemon.start();
        // Nobody learns what comes of it. Docker ends its containers when it comes back.
        await eventually(
          async () => (await direct.status(instanceId)).state !== 'running' || !(await goesOn()),
        );
      },
      LIMIT,
    );

    it(
      'ends a command that is given up, and what that has started',
      async () => {
        const { instanceId } = await own.provider.provision(request());
        const commands = async () =>
          (await own.provider.exec(instanceId, ['sh', '-c', 'cat /proc/[0-9]*/cmdline'])).stdout;
        const controller = new AbortController();
        const given = own.provider
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
        const { ref } = await own.provider.provision(request({ limits }));
        const { text } = await own.daemon.call('GET', `/containers/${ref}/json`);
        const { HostConfig } = JSON.parse(text) as Inspected;
        expect(HostConfig).toMatchObject({ Memory: limits.memoryBytes, PidsLimit: 50 });
        const { NanoCpus, CpuQuota, CpuPeriod } = HostConfig;
        expect(NanoCpus || Number(CpuQuota) / Number(CpuPeriod)).toBe(NanoCpus ? 5e8 : 0.5);
        expect(['', 'no']).toContain(HostConfig.RestartPolicy.Name);
        const [stats] = await own.provider.stats();
        expect(stats).toMatchObject({ cpuLimitCores: 0.5, memoryLimitBytes: limits.memoryBytes });
      },
      LIMIT,
    );

    it(
      'says which port is taken on the network of the host, leaves nothing, and starts when it is free',
      async () => {
        const server = createServer().listen(0, '127.0.0.1');
        await event(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const wanted = request({ ports: [{ name: 'http', env: 'PORT', containerPort: port }] });
        const refused = own.provider.provision(wanted);
        await expect(refused).rejects.toThrow(PortTakenError);
        await expect(refused).rejects.toThrow(`port ${port} is in use by another program`);
        expect(await own.containers()).toEqual([]);
        server.close();
        await event(server, 'close');
        const made = await own.provider.provision(wanted);
        expect(made).toMatchObject({ state: 'running', endpoints: [{ name: 'http', port }] });
      },
      LIMIT,
    );

    it(
      'names an image that is made for other machines',
      async () => {
        await own.daemon.importImage('ctrlplane-foreign', (root) => {
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
          own.provider.provision(wanted).then(
            () => undefined,
            (error: unknown) => error,
          ),
        );
        expect(failure).toBeInstanceOf(ImageArchitectureError);
      },
      LIMIT,
    );

    it(
      'says whose the name is when a container that is not its own has it, leaves that alone, and goes on when it is gone',
      async () => {
        const wanted = request();
        const name = containerName(own.namespace, wanted.instanceId, 'current');
        const body = { Image: IMAGE, Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'host' } };
        const { status } = await own.daemon.call('POST', `/containers/create?name=${name}`, body);
        expect(status).toBe(201);
        const refused = own.provider.provision(wanted);
        await expect(refused).rejects.toThrow(ProvisionFailedError);
        await expect(refused).rejects.toThrow(/already in use/);
        expect(await own.provider.list()).toEqual([]);
        const { status: left } = await own.daemon.call('DELETE', `/containers/${name}?force=1`);
        expect([200, 204]).toContain(left);
        expect(await own.provider.provision(wanted)).toMatchObject({ state: 'running' });
      },
      LIMIT,
    );

    it.each([
      ['a network that there is not', { networks: ['nowhere-at-all'] }, /nowhere-at-all/],
      [
        'several that there are not',
        { networks: ['none-such', 'nowhere-at-all'] },
        /none-such|nowhere-at-all/,
      ],
      ['a program that the image lacks', { command: ['/bin/nowhere-at-all'] }, /nowhere-at-all/],
      [
        'a volume where none can be',
        { volumes: [{ name: 'data', path: '/proc/self' }] },
        /\/proc|could not be started/,
      ],
    ] as [string, Partial<InstanceSpec>, RegExp][])(
      'says what is wrong with %s, and leaves nothing',
      async (_, spec, words) => {
        const refused = own.provider.provision(request(spec));
        await expect(refused).rejects.toThrow(ProvisionFailedError);
        await expect(refused).rejects.toThrow(words);
        await expect(refused).rejects.not.toThrow(ImageMissingError);
        expect(await own.containers()).toEqual([]);
      },
      LIMIT,
    );

    it(
      'says `unknown` of a container of ours that it cannot read, hides no other for it, and removes it when told to',
      async () => {
        await own.provider.provision(request());
        const id = newId('instance');
        await own.daemon.call(
          'POST',
          `/containers/create?name=${containerName(own.namespace, id, 'current')}`,
          {
            Image: IMAGE,
            Cmd: ['sleep', '3600'],
            Labels: {
              [LABELS.instance]: id,
              [OWN_LABELS.namespace]: own.namespace,
              [OWN_LABELS.record]: '{"spec":',
            },
            HostConfig: { NetworkMode: 'host' },
          },
        );
        const listed = await own.provider.list();
        expect(listed.map(({ state }) => state).sort()).toEqual(['running', 'unknown']);
        await own.provider.deprovision(id);
        expect(await own.provider.list()).toHaveLength(1);
      },
      LIMIT,
    );

    it(
      'sees nothing of another namespace at the same daemon, and leaves it alone',
      async () => {
        const other = new DockerProvider({
          host: own.daemon.host,
          namespace: `${own.namespace}x`,
          network: 'host',
          stopGrace: 0,
        });
        const wanted = request();
        await other.provision(wanted);
        expect(await own.provider.list()).toEqual([]);
        await own.provider.deprovision(wanted.instanceId);
        expect(await other.status(wanted.instanceId)).toMatchObject({ state: 'running' });
        await other.deprovision(wanted.instanceId);
      },
      LIMIT,
    );

    it(
      'knows one that somebody has renamed, starts no second one, and gives it its name back or removes it',
      async () => {
        const wanted = request();
        const name = containerName(own.namespace, wanted.instanceId, 'current');
        const { ref } = await own.provider.provision(wanted);
        const rename = () => own.daemon.call('POST', `/containers/${ref}/rename?name=${own.namespace}-mine`);
        await rename();
        expect(await own.provider.list()).toMatchObject([{ ref, state: 'running' }]);
        expect(await own.provider.provision(wanted)).toMatchObject({ ref, state: 'running' });
        expect((await own.containers()).map(({ Names }) => Names)).toEqual([[`/${name}`]]);
        await rename();
        const changed = { ...SLEEPER, env: { GREETING: 'again' } };
        const { ref: next } = await own.provider.deploy(wanted.instanceId, changed);
        expect((await own.containers()).map(({ Names }) => Names)).toEqual([[`/${name}`]]);
        await own.daemon.call('POST', `/containers/${next}/rename?name=${own.namespace}-mine`);
        await own.provider.deprovision(wanted.instanceId);
        expect(await own.containers()).toEqual([]);
      },
      LIMIT,
    );

    it(
      'leaves alone what comes from an image that somebody has made of a container of ours, although it has its labels',
      async () => {
        const wanted = request();
        const { ref } = await own.provider.provision(wanted);
        const committed = await own.daemon.call('POST', `/commit?container=${ref}&repo=copy&tag=1`, {});
        expect(committed.status).toBe(201);
        const name = `${own.namespace}-copy`;
        await own.daemon.call('POST', `/containers/create?name=${name}`, {
          ...{ Image: 'copy:1', Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'host' } },
        });
        await own.provider.deprovision(wanted.instanceId);
        expect(await own.provider.list()).toEqual([]);
        expect((await own.containers()).map(({ Names }) => Names)).toEqual([[`/${name}`]]);
        await own.daemon.call('DELETE', `/containers/${name}?force=1`);
      },
      LIMIT,
    );

    it(
      'leaves alone one that somebody has paused, until it is told to end it',
      async () => {
        for (const end of ['stop', 'deprovision'] as const) {
          const wanted = request();
          const { ref } = await own.provider.provision(wanted);
          await own.daemon.call('POST', `/containers/${ref}/pause`);
          expect(await own.provider.status(wanted.instanceId)).toMatchObject({ state: 'unknown' });
          await own.provider[end](wanted.instanceId);
          expect((await own.provider.status(wanted.instanceId)).state).toBe(
            end === 'stop' ? 'stopped' : 'missing',
          );
        }
      },
      LIMIT,
    );

    it(
      'is told of what somebody has restarted or removed by hand, and starts it anew',
      async () => {
        const wanted = request();
        const { ref } = await own.provider.provision(wanted);
        await own.daemon.call('POST', `/containers/${ref}/restart?t=0`);
        expect(await own.provider.status(wanted.instanceId)).toMatchObject({ ref, state: 'running' });
        await own.daemon.call('DELETE', `/containers/${ref}?force=1`);
        expect(await own.provider.status(wanted.instanceId)).toMatchObject({ state: 'missing' });
        expect(await own.provider.provision(wanted)).toMatchObject({ state: 'running' });
        expect(await own.containers()).toHaveLength(1);
      },
      LIMIT,
    );

    it.each([/start$/, /rename$/, /containers\/json$/])(
      'fails clearly when somebody removes its containers right before the call %s of a deployment, and converges',
      async (call) => {
        const wanted = request();
        await own.provider.provision(wanted);
        let done = false;
        own.proxy.treat = async (each): Promise<Treatment> => {
          if (!done && call.test(each)) {
            done = true;
            for (const { Id } of await own.containers())
              await own.daemon.call('DELETE', `/containers/${Id}?force=1`);
          }
          return 'pass';
        };
        const spec = { ...SLEEPER, env: { GREETING: 'again' } };
        const failure = await own.provider.deploy(wanted.instanceId, spec).catch((error: unknown) => error);
        expect(String(failure)).toMatch(/ProvisionFailedError|InstanceNotProvisionedError/);
        own.proxy.treat = () => 'pass';
        expect(await own.provider.provision({ ...wanted, spec })).toMatchObject({ state: 'running' });
        expect(await own.containers()).toHaveLength(1);
      },
      LIMIT,
    );

    it(
      'keeps the identity of its store when somebody prunes volumes',
      async () => {
        const storeId = await own.provider.storeId();
        await own.provider.provision(request());
        await own.daemon.call('DELETE', `/volumes/${own.namespace}-store`);
        expect(await own.providerOf().storeId()).toBe(storeId);
      },
      LIMIT,
    );
  });
