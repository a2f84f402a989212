import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import pLimit from 'p-limit';
import { newId } from '../dist/modules/ids/typed-id.js';
import { DockerProvider } from '../dist/modules/providers/docker/docker.provider.js';
import { type ContainerDaemon, IMAGE, startDaemon } from '../test/support/container-daemon.js';
import { atMost, type Bench } from './harness/bench.js';
import { inTurn, ratio, timed } from './harness/rounds.js';

const CONTAINERS = 50;
const AT_ONCE = 8;
const COMMAND = ['/bin/sleep', '3600'];

/** Each is made and started, and when all run, each is ended and removed. */
async function eachInTwoSteps<T>(make: () => Promise<T>, remove: (made: T) => Promise<void>): Promise<void> {
  const limit = pLimit(AT_ONCE);
  const made = await Promise.all(Array.from({ length: CONTAINERS }, () => limit(make)));
  await Promise.all(made.map((one) => limit(remove, one)));
}

function byProvider({ host }: ContainerDaemon): Promise<number> {
  const namespace = `b${randomUUID().slice(0, 8)}`;
  const provider = new DockerProvider({ host, namespace, network: 'host', stopGrace: 0, pull: 'never' });
  const tenantId = newId('tenant');
  const spec = { image: IMAGE, command: COMMAND };
  return timed(() =>
    eachInTwoSteps(
      async () => {
        const request = { instanceId: newId('instance'), tenantId, name: 'web', spec, labels: {} };
        const { instanceId, state } = await provider.provision(request);
        if (state !== 'running') throw new Error(`an instance is ${state}`);
        return instanceId;
      },
      (id) => provider.deprovision(id),
    ),
  );
}

function byDockerode({ socket }: ContainerDaemon): Promise<number> {
  const docker = new Docker({ socketPath: socket });
  return timed(() =>
    eachInTwoSteps(
      async () => {
        const HostConfig = { NetworkMode: 'host' };
        const container = await docker.createContainer({ Image: IMAGE, Cmd: COMMAND, HostConfig });
        await container.start();
        return container;
      },
      async (container) => {
        await container.stop({ t: 0 });
        await container.remove();
      },
    ),
  );
}

export const docker: Bench = {
  name: 'docker',
  summary: `${CONTAINERS} containers made and removed on Podman, ${AT_ONCE} at a time, beside a bare dockerode loop; as root, with Podman`,
  async run(say) {
    const daemon = await startDaemon('podman');
    try {
      const took = await inTurn(
        { count: 3, warmUp: 1 },
        { provider: () => byProvider(daemon), dockerode: () => byDockerode(daemon) },
        say,
      );
      return {
        measured: {
          provider: { unit: 'ms', samples: took.provider },
          dockerode: { unit: 'ms', samples: took.dockerode },
        },
        ratios: { 'DockerProvider / dockerode': atMost(1.3, ratio(took.provider, took.dockerode)) },
        notes: [
          `Each sample: ${CONTAINERS} containers are made and started, then stopped and removed, ${AT_ONCE} at a time, on the network of the host.`,
          'The provider sets labels and limits besides, and looks up the state of each container; the loop keeps what dockerode gave it.',
        ],
      };
    } finally {
      await daemon.stop();
    }
  },
};
