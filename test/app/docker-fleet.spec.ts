import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench, builtCheckout } from '../support/app-workbench.js';
import { type ContainerDaemon, startDaemon } from '../support/container-daemon.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';

/** Longest for a case: on a loaded machine a database takes a minute to be made. */
const LIMIT = 300_000;

interface Listed {
  Id: string;
  Image: string;
  State: string;
  Labels: Record<string, string>;
}

describeWith('podman', 'the example fleet of containers', () => {
  const workbench = appWorkbench(afterAll);
  let daemon: ContainerDaemon;
  let dataDirectory: string;
  let app: AppProcess;

  const environment = (fleet = 'examples/docker-fleet.yaml') => ({
    FLEET: join(builtCheckout(), fleet),
    DOCKER_HOST: daemon.host,
    // The machine of the tests has no bridge.
    DOCKER_NETWORK: 'host',
  });
  const containers = async () => {
    const { text } = await daemon.call('GET', '/containers/json?all=1');
    return (JSON.parse(text) as Listed[]).sort((a, b) => a.Id.localeCompare(b.Id));
  };
  const volumes = async () => {
    const { text } = await daemon.call('GET', '/volumes');
    return (JSON.parse(text) as { Volumes: { Name: string }[] | null }).Volumes ?? [];
  };

  beforeAll(async () => {
    daemon = await startDaemon('podman');
    await daemon.importImage('busybox', daemon.busybox);
    await daemon.call('POST', '/images/docker.io/library/busybox:latest/tag?repo=busybox&tag=1');
    dataDirectory = join(await workbench.directory(), 'data');
    app = workbench.start(dataDirectory, { env: environment() });
  }, LIMIT);
  afterAll(() => daemon?.stop(), LIMIT);

  it(
    'runs as containers, which answer',
    async () => {
      await app.said(/3 instances are running/);
      const states = (await containers()).map(({ State }) => State).sort();
      expect(states).toEqual(['exited', 'running', 'running', 'running', 'running']);
      const { body } = await app.get<{ items: { addresses: string }[] }>('/instances');
      const ports = body.items.flatMap(({ addresses }) => /127\.0\.0\.1:(\d+)/.exec(addresses)?.[1] ?? []);
      expect(ports).toHaveLength(2);
      for (const port of ports)
        await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`)).ok, 30_000);
    },
    LIMIT,
  );

  it(
    'keeps its containers when the app is killed, and finds them again',
    async () => {
      const before = await containers();
      app.kill('SIGKILL');
      await app.exit;
      app = workbench.start(dataDirectory, { env: environment() });
      await app.said(/3 instances are running/);
      expect((await containers()).map(({ Id }) => Id)).toEqual(before.map(({ Id }) => Id));
    },
    LIMIT,
  );

  it(
    'is removed by fleet:down, which leaves the volumes of instances and nothing else',
    async () => {
      app.kill('SIGTERM');
      await app.exit;
      const down = await workbench.run(dataDirectory, { script: 'fleet:down', env: environment() });
      expect(down).toMatchObject({
        code: 0,
        output: expect.stringContaining('Removed 2 workloads and 3 instances'),
      });
      expect(await containers()).toEqual([]);
      expect((await volumes()).map(({ Name }) => Name)).toEqual([expect.stringMatching(/-inst_\w+-data$/)]);
    },
    LIMIT,
  );

  it(
    'is refused at once where an image is given to processes, and where DOCKER_HOST is no daemon',
    async () => {
      const directory = await workbench.directory();
      const text = await readFile(join(builtCheckout(), 'examples/docker-fleet.yaml'), 'utf8');
      const processes = join(directory, 'processes.yaml');
      await writeFile(processes, text.replaceAll('provider: docker', 'provider: process'));
      const refused = await workbench.run(join(directory, 'none'), {
        env: { ...environment(), FLEET: processes },
      });
      expect(refused.code).toBe(1);
      expect(refused.output).toMatch(/workloads\[0\]\.image: is for containers, .*set "provider: docker"/);
      const lonely = await workbench.run(join(directory, 'none'), {
        env: { ...environment(), DOCKER_HOST: 'nowhere' },
      });
      expect(lonely.output).toMatch(/DOCKER_HOST is no daemon: give unix:\/\/\/path or tcp:\/\/host:port/);
    },
    LIMIT,
  );

  it(
    'is not applied to an app that was started without containers',
    async () => {
      const own = join(await workbench.directory(), 'plain');
      const plain = workbench.start(own, { env: { FLEET: join(builtCheckout(), 'examples/fleet.yaml') } });
      await plain.url();
      const applied = await workbench.run(own, {
        script: 'fleet:apply',
        args: [join(builtCheckout(), 'examples/docker-fleet.yaml')],
      });
      expect(applied.output).toMatch(/started without containers: .*PROVIDER=docker/);
    },
    LIMIT,
  );
});
