import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  type ContainerDaemon,
  type DaemonKind,
  IMAGE,
  startDaemon,
} from '../../../../test/support/container-daemon.js';
import { describeWith } from '../../../../test/support/needs.js';
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

  it('refuses options that cannot be, and shows no password', () => {
    const registries = { 'r.test': { username: '', password: 'hunter2' } };
    const refused = () => new DockerProvider({ registries });
    expect(refused).toThrow(/registries/);
    expect(refused).not.toThrow(/hunter2/);
    expect(() => new DockerProvider({ host: '/var/run/docker.sock' })).toThrow(/host: .*"unix:/);
  });
});
