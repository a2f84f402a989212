import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  type ContainerDaemon,
  type DaemonKind,
  IMAGE,
  startDaemon,
} from '../../../../test/support/container-daemon.js';
import { describeWith } from '../../../../test/support/needs.js';
import { providerContract } from '../provider.contract.js';
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
void expect;
