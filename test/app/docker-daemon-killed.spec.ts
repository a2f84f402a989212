import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { LABELS } from '../../src/modules/providers/provider.js';
import { OWN_LABELS } from '../../src/modules/providers/docker/container-notes.js';
import { DockerProvider } from '../../src/modules/providers/docker/docker.provider.js';
import { ProviderUnavailableError } from '../../src/modules/providers/provider.errors.js';
import { type InstanceId } from '../../src/modules/ids/typed-id.js';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench } from '../support/app-workbench.js';
import { type ContainerDaemon, type DaemonKind, IMAGE, startDaemon } from '../support/container-daemon.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';
import { embeddedDatabase, query } from '../support/query.js';

/** `npm run kills:daemon`. Otherwise one daemon, and few instances. */
const FULL = process.env.DAEMON_KILLS === 'full';
const KINDS: DaemonKind[] = FULL ? ['podman', 'dockerd'] : ['podman'];
/** Instances of `web` and of `stack`: at first, after some were added, after some were removed. */
const [FIRST, MORE, FEWER]: [Fleet, Fleet, Fleet] = FULL
  ? [
      { web: 3, stack: 2 },
      { web: 3, stack: 3 },
      { web: 1, stack: 1 },
    ]
  : [
      { web: 1, stack: 1 },
      { web: 1, stack: 2 },
      { web: 1, stack: 1 },
    ];

/** Longest for a case: on a loaded machine a container takes seconds to start, a database a minute to be made. */
const LIMIT = 600_000;

/** What programs in containers do when the daemon is killed. */
type Stage = 'init' | 'check' | 'stop';

/** How many instances of each. */
interface Fleet {
  web: number;
  stack: number;
}

interface Listed {
  Id: string;
  Names: string[];
  State: string;
  Labels: Record<string, string>;
}

for (const kind of KINDS)
  describeWith(kind, `the reference app, whose ${kind} is killed and comes back,`, () => {
    const workbench = appWorkbench(afterAll);
    let daemon: ContainerDaemon;
    let dataDirectory: string;
    let fleet: string;
    let app: AppProcess;
    /** Programs connect to it when they come to a stage, and go on when it hangs up. */
    let stages: Server;
    let reached: (stage: Stage) => Promise<void> = async () => undefined;

    beforeAll(async () => {
      stages = createServer((program) => {
        program.on('error', () => undefined); // it was killed
        program.once('data', (stage: Buffer) => {
          void reached(stage.toString().trim() as Stage).finally(() => program.end());
        });
      });
      await once(stages.listen(0, '127.0.0.1'), 'listening');
      daemon = await startDaemon(kind);
      const directory = await workbench.directory();
      dataDirectory = join(directory, 'data');
      fleet = join(directory, 'fleet.yaml');
    }, LIMIT);
    afterAll(async () => {
      await daemon?.stop();
      stages?.close();
    }, LIMIT);

    const environment = () => ({
      FLEET: fleet,
      PROVIDER: 'docker',
      DOCKER_HOST: daemon.host,
      // The machine of the tests has no bridge.
      DOCKER_NETWORK: 'host',
    });
    /** `web` is one program; `stack` has an init service, and a sidecar with a health check. */
    const write = ({ web, stack }: Fleet) => {
      const tell = (stage: Stage) => `echo ${stage} | nc 127.0.0.1 ${(stages.address() as AddressInfo).port}`;
      const program = (script: string) => ({ image: IMAGE, command: ['sh', '-c', script] });
      const lasting = program(`trap '${tell('stop')}; exit' TERM; echo ready; sleep 86400 & wait`);
      const healthCheck = { command: ['sh', '-c', tell('check')], timeout: '1m', interval: '100ms' };
      const services = [
        { name: 'prepare', kind: 'init', ...program(tell('init')) },
        { name: 'cache', ...lasting, healthCheck },
      ];
      const dependsOn = [{ service: 'cache', until: 'healthy' }];
      const workloads = [
        { name: 'web', replicas: web, ...lasting },
        { name: 'stack', replicas: stack, ...lasting, services, dependsOn },
      ];
      return writeFile(fleet, JSON.stringify({ tenants: [{ name: 'acme', workloads }] }));
    };
    const apply = async (next: Fleet) => {
      await write(next);
      return workbench.run(dataDirectory, { script: 'fleet:apply', env: environment() });
    };
    const containers = async () => {
      const { text } = await daemon.call('GET', '/containers/json?all=1');
      return JSON.parse(text) as Listed[];
    };
    /** As `service state`, of all instances, in order; a container that is none yet shows by its name. */
    const shown = async () =>
      (await containers())
        .map(({ Names, State, Labels }) => {
          const service = Labels[OWN_LABELS.service] ?? 'main';
          const isLeftOver = /\.(?:next|stopped)/.test(Names[0]!);
          return `${service} ${State}${isLeftOver ? ` ${Names[0]}` : ''}`;
        })
        .sort();
    const expected = ({ web, stack }: Fleet) =>
      [
        ...Array<string>(web + stack).fill('main running'),
        ...Array<string>(stack).fill('cache running'),
        ...Array<string>(stack).fill('prepare exited'),
      ].sort();
    const rows = async () =>
      query<{ id: InstanceId; state: string }>(
        await embeddedDatabase(dataDirectory),
        'SELECT id, state FROM instances ORDER BY id',
      );
    /** Each instance has a row that says `running`, each row its containers, and there is nothing else. */
    const converges = async (to: Fleet) => {
      await eventually(async () => {
        const states = (await rows()).map(({ state }) => state);
        return (
          states.length === to.web + to.stack &&
          states.every((state) => state === 'running') &&
          JSON.stringify(await shown()) === JSON.stringify(expected(to))
        );
      }, LIMIT / 2).catch(async (error: unknown) => {
        throw new Error(JSON.stringify([await rows(), await shown()], undefined, 1), { cause: error });
      });
      const ids = new Set((await containers()).map(({ Labels }) => Labels[LABELS.instance]));
      expect([...ids].sort()).toEqual((await rows()).map(({ id }) => id));
    };
    const killAndStart = async () => {
      await daemon.kill();
      await daemon.start();
    };
    /** Kills the daemon when a program comes to the stage, which it leaves when the daemon is back. */
    const killAt = (stage: Stage) =>
      new Promise<void>((resolve, reject) => {
        reached = async (now) => {
          if (now !== stage) return;
          reached = async () => undefined;
          await killAndStart().then(resolve, reject);
        };
      });

    it(
      'in the middle of a start, completes it',
      async () => {
        await write(FIRST);
        const killed = killAt('init');
        app = workbench.start(dataDirectory, { env: environment() });
        await killed;
        await converges(FIRST);
      },
      LIMIT,
    );

    it(
      'in the middle of a command in a container, repeats that',
      async () => {
        const killed = killAt('check');
        const applying = apply(MORE);
        await killed;
        await converges(MORE);
        await applying;
      },
      LIMIT,
    );

    it(
      'while somebody follows a log, ends that, and has the whole log afterwards',
      async () => {
        const namespace = (await readFile(join(dataDirectory, 'docker-namespace'), 'utf8')).trim();
        const provider = new DockerProvider({ host: daemon.host, namespace });
        const id = (await rows())[0]!.id;
        const lines = provider.followLogs(id);
        expect(await lines.next()).toEqual({ done: false, value: 'ready' });
        const rest = lines.next().catch((error: unknown) => error);
        await killAndStart();
        const end = await rest;
        if (end instanceof Error) expect(end).toBeInstanceOf(ProviderUnavailableError);
        else expect(end).toEqual({ done: true, value: undefined });
        await converges(MORE);
        expect(await provider.logs(id)).toEqual(['ready']);
      },
      LIMIT,
    );

    it(
      'in the middle of a removal, completes that',
      async () => {
        const killed = killAt('stop');
        const applying = apply(FEWER);
        await killed;
        await converges(FEWER);
        await applying;
      },
      LIMIT,
    );

    it(
      'leaves nothing after fleet:down',
      async () => {
        app.kill('SIGTERM');
        expect(await app.exit).toEqual({ code: 0, signal: null });
        expect(
          await workbench.run(dataDirectory, { script: 'fleet:down', env: environment() }),
        ).toMatchObject({ code: 0 });
        expect(await containers()).toEqual([]);
      },
      LIMIT,
    );
  });
