import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import {
  type ContainerDaemon,
  type DaemonKind,
  IMAGE,
  startDaemon,
} from '../../../../test/support/container-daemon.js';
import { describeWith } from '../../../../test/support/needs.js';
import { newId } from '../../ids/typed-id.js';
import { providerContract } from '../provider.contract.js';
import { ProviderUnavailableError } from '../provider.errors.js';
import { type InstanceSpec } from '../provider.js';
import { DockerProvider } from './docker.provider.js';

const SLEEPER: InstanceSpec = {
  image: IMAGE,
  command: ['/bin/sh', '-c', 'echo ready; exec sleep 3600'],
  env: { GREETING: 'hello' },
};

const uniqueNamespace = () => `t${randomUUID().slice(0, 8)}`;

for (const kind of ['podman', 'dockerd'] satisfies DaemonKind[])
  describeWith(kind, `DockerProvider on ${kind}`, () => {
    let daemon: ContainerDaemon;

    beforeAll(async () => {
      daemon = await startDaemon(kind);
    }, 180_000);
    afterAll(() => daemon?.stop(), 180_000);

    const providerOf = (namespace: string) =>
      new DockerProvider({ host: daemon.host, namespace, network: 'host', stopGrace: 0, pull: 'never' });

    for (const { name, run } of providerContract(async () => {
      const namespace = uniqueNamespace();
      return {
        provider: providerOf(namespace),
        spec: SLEEPER,
        sibling: () => providerOf(namespace),
        stranger: async () => providerOf(uniqueNamespace()),
        missingImage: { ...SLEEPER, image: 'localhost/none:1' },
      };
    }))
      it(name, run, 120_000);
  });

describe('DockerProvider without a daemon', () => {
  it('says where it looked, and what helps', async () => {
    const provider = new DockerProvider({ host: 'unix:///nowhere/docker.sock' });
    await expect(provider.healthCheck()).rejects.toThrow(
      /Provider "docker" is unavailable: .*\/nowhere\/docker\.sock.*Start the daemon, or give the option `host`/,
    );
    await expect(provider.list()).rejects.toThrow(ProviderUnavailableError);
  });

  it.each([
    ['refuses everybody', 401, 'no, thanks'],
    ['wants TLS', 400, 'Client sent an HTTP request to an HTTPS server.'],
    ['is a web server', 404, '<html>'],
    ['is a web server that has a page for everything', 200, '<html>'],
    ['answers with something else than a list', 200, 'null'],
  ])('takes what %s for no daemon, and never for one without containers', async (_, status, body) => {
    const server = createServer((__, answer) => void answer.writeHead(status).end(body)).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const provider = new DockerProvider({ host: `tcp://127.0.0.1:${port}` });
    try {
      await expect(provider.list()).rejects.toThrow(ProviderUnavailableError);
      await expect(provider.status(newId('instance'))).rejects.toThrow(ProviderUnavailableError);
      await expect(provider.deprovision(newId('instance'))).rejects.toThrow(ProviderUnavailableError);
      await expect(provider.volumes()).rejects.toThrow(ProviderUnavailableError);
      if (status !== 200) await expect(provider.healthCheck()).rejects.toThrow(ProviderUnavailableError);
    } finally {
      server.close();
    }
  });

  it('refuses options that cannot be, and shows no password', () => {
    const registries = { 'r.test': { username: '', password: 'hunter2' } };
    const refused = () => new DockerProvider({ registries });
    expect(refused).toThrow(/registries/);
    expect(refused).not.toThrow(/hunter2/);
    expect(() => new DockerProvider({ host: '/var/run/docker.sock' })).toThrow(/host: .*"unix:/);
  });
});
