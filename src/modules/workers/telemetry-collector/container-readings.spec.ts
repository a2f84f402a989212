import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
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
import { type EndedRun } from '../../../core/history/run.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { EventBus } from '../../events/event-bus.js';
import { newId } from '../../ids/typed-id.js';
import { DockerProvider } from '../../providers/docker/docker.provider.js';
import { type ProviderInstance } from '../../providers/provider.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { TelemetryService } from '../../telemetry/telemetry.service.js';
import { TelemetryCollectorModule } from './telemetry-collector.module.js';

/** Instances. 200 take a daemon minutes to start: `CONTAINERS=200`. */
const COUNT = Number(process.env.CONTAINERS ?? 24);
/** A daemon and its containers, on a loaded machine. */
const LIMIT = 180_000 + COUNT * 15_000;

for (const kind of ['podman', 'dockerd'] satisfies DaemonKind[])
  describeWith(kind, `TelemetryCollectorWorker over ${COUNT} containers of ${kind}`, () => {
    const tenantId = newId('tenant');
    let daemon: ContainerDaemon;
    let proxy: DaemonProxy;
    let database: { url: string; drop(): Promise<void> };
    let app: TestingModule;
    let instances: ProviderInstance[];

    beforeAll(async () => {
      database = await createControlPlaneDatabase();
      daemon = await startDaemon(kind);
      proxy = await startDaemonProxy(daemon.socket);
      const namespace = `t${randomUUID().slice(0, 8)}`;
      const provider = new DockerProvider({
        ...{ host: proxy.host, namespace, network: 'host', stopGrace: 0, pull: 'never' },
      });
      const limit = pLimit(8);
      const spec = { image: IMAGE, command: ['sleep', '3600'] };
      const request = () => ({ instanceId: newId('instance'), tenantId, name: 'web', spec, labels: {} });
      instances = await Promise.all(
        Array.from({ length: COUNT }, () => limit(() => provider.provision(request()))),
      );
      app = await Test.createTestingModule({
        imports: [
          DatabaseModule.forRoot({ url: database.url }),
          WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
          // By hand: every tick here is one that the test asks for, and has the time that one has by default.
          TelemetryCollectorModule.forRoot({ interval: 0 }),
        ],
      }).compile();
      app.useLogger(false);
      await app.init();
      app.get(ProviderRegistry, { strict: false }).register('docker', provider);
      // The first list of a busy daemon may take longer than a tick has: it is for the next one.
      await eventually(async () => (await tick()).outcome === 'succeeded', LIMIT);
    }, LIMIT);
    afterAll(async () => {
      await app?.close();
      await proxy?.close();
      await daemon?.stop();
      await database?.drop();
    }, LIMIT);

    const tick = async (): Promise<EndedRun> =>
      (await app.get(Scheduler).trigger('telemetry_collector')).ended;

    /** Of those that have no reading of the time since then. */
    const unreadSince = async (since: Date): Promise<string[]> => {
      const unread: string[] = [];
      for (const { instanceId } of instances) {
        const found = await asSystem(() => app.get(TelemetryService).currentResources(tenantId, instanceId));
        if (!found || found.at < since) unread.push(instanceId);
      }
      return unread.sort();
    };

    const told = async () =>
      (
        await asSystem(() =>
          app.get(EventBus, { strict: false }).recent({ type: 'telemetry.provider_failed' }),
        )
      ).items.map(({ payload }) => payload);

    /** How many the run says it has read, and has not. */
    const saidOf = ({ progress }: EndedRun) => {
      const [, read, unread = '0'] = /^(\d+) readings of 1 sources(?:, (\d+) instances)?/.exec(
        progress!.message!,
      )!;
      return { read: Number(read), unread: Number(unread) };
    };

    it(
      'names an instance whose reading hangs, and reads all others',
      async () => {
        const hanging = instances[3]!;
        const isHung = (call: string) => call.includes(hanging.ref!) || call.includes('/libpod/');
        proxy.treat = (call) => (isHung(call) ? new Promise(() => {}) : 'pass');
        const since = new Date();
        const run = await tick();
        expect(run).toMatchObject({ outcome: 'succeeded' });
        const unread = await unreadSince(since);
        expect(unread).toContain(hanging.instanceId);
        expect(saidOf(run)).toEqual({ read: COUNT - unread.length, unread: unread.length });
        const [{ instanceIds, ...event }] = (await told()) as [{ instanceIds: string[] }];
        expect(event).toMatchObject({ provider: 'docker', instances: unread.length });
        expect(unread).toEqual(expect.arrayContaining(instanceIds));
        proxy.treat = () => 'pass';
      },
      LIMIT,
    );

    it(
      'has a reading of each after a few ticks, however slow the daemon is, and says at each how many are missing',
      async () => {
        const since = new Date();
        for (let left = COUNT, ticks = 0; left > 0; ticks++) {
          const run = await tick();
          const said = saidOf(run);
          expect(said.read + said.unread).toBe(COUNT);
          left = (await unreadSince(since)).length;
          expect(ticks).toBeLessThan(COUNT);
        }
      },
      LIMIT,
    );
  });
