import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DockerProvider } from '../../providers/docker/docker.provider.js';
import { GarbageCollectorModule } from '../garbage-collector/garbage-collector.module.js';
import { HealthRunnerModule } from '../health-runner/index.js';
import { TelemetryCollectorModule } from '../telemetry-collector/index.js';
import {
  type ContainerDaemon,
  type DaemonKind,
  IMAGE,
  startDaemon,
} from '../../../../test/support/container-daemon.js';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { type DaemonProxy, startDaemonProxy } from '../../../../test/support/daemon-proxy.js';
import { eventually } from '../../../../test/support/eventually.js';
import { describeWith } from '../../../../test/support/needs.js';
import { type Replica, startReplica } from '../../../../test/support/reconciler.js';

/** Instances. The counts are the same for 200, which take a daemon minutes to start: `CONTAINERS=200`. */
const COUNT = Number(process.env.CONTAINERS ?? 6);
/** A daemon and its containers, on a loaded machine. */
const LIMIT = 180_000 + COUNT * 15_000;
const [LIST, IMAGES] = ['GET /containers/json', 'GET /images/json'];

for (const kind of ['podman', 'dockerd'] satisfies DaemonKind[])
  describeWith(kind, `a converged control plane over ${kind}`, () => {
    let daemon: ContainerDaemon;
    let proxy: DaemonProxy;
    let replica: Replica;
    let provider: DockerProvider;
    let database: { url: string; drop(): Promise<void> };

    beforeAll(async () => {
      database = await createControlPlaneDatabase();
      daemon = await startDaemon(kind);
      proxy = await startDaemonProxy(daemon.socket);
      const namespace = `t${randomUUID().slice(0, 8)}`;
      provider = new DockerProvider({
        ...{ host: proxy.host, namespace, network: 'host', stopGrace: 0, pull: 'never' },
      });
      replica = await startReplica(
        database.url,
        [provider],
        {},
        {
          imports: [
            GarbageCollectorModule.forRoot({ interval: 0 }),
            TelemetryCollectorModule.forRoot({ interval: '1h', timeout: '2m' }),
            HealthRunnerModule.forRoot(),
          ],
        },
      );
      await asSystem(async () => {
        const { id: tenantId } = await replica.tenants.create({ name: 'acme' });
        await replica.workloads.create(tenantId, {
          name: 'web',
          provider: 'docker',
          replicas: COUNT,
          spec: { image: IMAGE, command: ['sleep', '3600'] },
        });
      });
      await eventually(async () => {
        await replica.run('reconciler');
        const [{ count }] = await replica.dataSource.query<[{ count: number }]>(
          `SELECT count(*)::int FROM instances WHERE state = 'running'`,
        );
        return count === COUNT;
      }, LIMIT);
    }, LIMIT);
    afterAll(async () => {
      await replica?.stop();
      await proxy?.close();
      await daemon?.stop();
      await database?.drop();
    }, LIMIT);

    /** What those runs ask of the daemon, readings left out. */
    const callsOf = async (workers: readonly string[]): Promise<string[]> => {
      proxy.calls.length = 0;
      for (const worker of workers) expect(await replica.run(worker)).toMatchObject({ outcome: 'succeeded' });
      return proxy.calls.filter((call) => !call.endsWith('/stats')).sort();
    };

    /** What the daemon tells of the starts has passes of its own follow, which may fall into the first ones. */
    const expectCalls = async (workers: readonly string[], expected: readonly string[]): Promise<void> => {
      let calls: string[] = [];
      for (let times = 0; times < 20; times++) {
        calls = await callsOf(workers);
        if (isDeepStrictEqual(calls, expected)) return;
      }
      expect(calls).toEqual(expected);
    };

    it(
      'costs one list for the passes of the reconciler, and nothing for each instance',
      () => expectCalls(['reconciler', 'instance_drift'], [LIST]),
      LIMIT,
    );

    it(
      'costs one list for all passes of the garbage collector, and one of the images',
      () => expectCalls(['gc', 'gc_stores'], [LIST, IMAGES]),
      LIMIT,
    );

    it(
      'costs one list for its readings, and a call for each or, of Podman, for 25 of them',
      async () => {
        await expectCalls(['telemetry_collector'], [LIST]);
        const readings = proxy.calls.filter((call) => call.endsWith('/stats'));
        expect(readings).toHaveLength(kind === 'podman' ? Math.ceil(COUNT / 25) : COUNT);
      },
      LIMIT,
    );

    it('costs nothing for its health checks', () => expectCalls(['health_runner'], []), LIMIT);
  });
