import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import pLimit from 'p-limit';
import { type InstanceId, newId } from '../dist/modules/ids/typed-id.js';
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

function providerOf({ host }: ContainerDaemon): DockerProvider {
  const namespace = `b${randomUUID().slice(0, 8)}`;
  return new DockerProvider({ host, namespace, network: 'host', stopGrace: 0, pull: 'never' });
}

async function provision(provider: DockerProvider): Promise<InstanceId> {
  const { instanceId, state } = await provider.provision({
    instanceId: newId('instance'),
    tenantId: newId('tenant'),
    name: 'web',
    spec: { image: IMAGE, command: COMMAND },
    labels: {},
  });
  if (state !== 'running') throw new Error(`an instance is ${state}`);
  return instanceId;
}

function byProvider(daemon: ContainerDaemon): Promise<number> {
  const provider = providerOf(daemon);
  return timed(() =>
    eachInTwoSteps(
      () => provision(provider),
      (id) => provider.deprovision(id),
    ),
  );
}

/** All that run are read, as the telemetry collector does; by the loop 8 at a time. */
async function readings(daemon: ContainerDaemon, say: (line: string) => void) {
  const provider = providerOf(daemon);
  const docker = new Docker({ socketPath: daemon.socket });
  const limit = pLimit(AT_ONCE);
  const ids = await Promise.all(Array.from({ length: CONTAINERS }, () => limit(provision, provider)));
  const counted = (read: () => Promise<unknown[]>) => () =>
    timed(async () => {
      const { length } = await read();
      if (length !== CONTAINERS) throw new Error(`${length} readings`);
    });
  try {
    return await inTurn(
      { count: 5, warmUp: 1 },
      {
        provider: counted(() => provider.stats()),
        dockerode: counted(async () => {
          const listed = await docker.listContainers();
          const read = (id: string) => docker.getContainer(id).stats({ stream: false, 'one-shot': true });
          return Promise.all(listed.map(({ Id }) => limit(read, Id)));
        }),
      },
      say,
    );
  } finally {
    await Promise.all(ids.map((id) => limit(() => provider.deprovision(id))));
  }
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
  summary: `${CONTAINERS} containers made, read and removed on Podman, ${AT_ONCE} at a time, beside a bare dockerode loop; as root, with Podman`,
  async run(say) {
    const daemon = await startDaemon('podman');
    try {
      const took = await inTurn(
        { count: 3, warmUp: 1 },
        { provider: () => byProvider(daemon), dockerode: () => byDockerode(daemon) },
        say,
      );
      const read = await readings(daemon, say);
      return {
        measured: {
          'made and removed: DockerProvider': { unit: 'ms', samples: took.provider },
          'made and removed: dockerode': { unit: 'ms', samples: took.dockerode },
          'read: DockerProvider': { unit: 'ms', samples: read.provider },
          'read: dockerode': { unit: 'ms', samples: read.dockerode },
        },
        ratios: {
          'made and removed: DockerProvider / dockerode': atMost(1.3, ratio(took.provider, took.dockerode)),
          'read: DockerProvider / dockerode': atMost(1.3, ratio(read.provider, read.dockerode)),
        },
        notes: [
          `Each sample: ${CONTAINERS} containers are made and started, then stopped and removed, ${AT_ONCE} at a time, on the network of the host.`,
          'Read: one list, and one reading of each: the loop asks for 8 at a time, the provider for 25 by one call of Podman.',
          'The provider sets labels and limits besides, and looks up the state of each container; the loop keeps what dockerode gave it.',
        ],
      };
    } finally {
      await daemon.stop();
    }
  },
};
