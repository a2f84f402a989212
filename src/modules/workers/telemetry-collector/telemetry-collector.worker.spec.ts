import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { asSystem } from '../../../../test/support/control-plane.js';
import { DataSource } from 'typeorm';
import { InstanceRows } from '../../../../test/support/instance-rows.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { eventually } from '../../../../test/support/eventually.js';
import { type EndedRun } from '../../../core/history/run.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { EventBus } from '../../events/event-bus.js';
import { newId, type TenantId } from '../../ids/typed-id.js';
import { CapabilityNotSupportedError } from '../../providers/provider.errors.js';
import { type InstanceStats, type ProvisionRequest } from '../../providers/provider.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { ProcessProvider } from '../../providers/process/process.provider.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { type CollectedSample, type MetricCollector } from '../../telemetry/metric-collector.js';
import { OWN_TENANT } from '../../tenants/own-tenant.js';
import { TelemetryCollector } from '../../telemetry/telemetry-collector.decorator.js';
import { TelemetryService } from '../../telemetry/telemetry.service.js';
import { TelemetryStore } from '../../telemetry/telemetry.store.js';
import { TelemetryCollectorModule } from './telemetry-collector.module.js';
import { type TelemetryCollectorOptions } from './telemetry-collector.options.js';
import { TelemetryCollectorWorker } from './telemetry-collector.worker.js';

@TelemetryCollector({ name: 'queues' })
@Injectable()
class QueueLengths implements MetricCollector {
  length = 3;
  collect(): CollectedSample[] | Promise<CollectedSample[]> {
    return [{ name: 'queue_length', labels: { queue: 'mail' }, value: this.length }];
  }
}

/** How long the CPU use is measured: 30 by `npm run test:cpu`. */
const CPU_SECONDS = Number(process.env['TELEMETRY_CPU_SECONDS'] ?? 5);

const ignore = (): void => {};
const SILENT = { log: ignore, warn: ignore, error: ignore };

describe('TelemetryCollectorWorker', () => {
  let app: TestingModule;
  let database: { url: string; drop(): Promise<void> };
  let provider: InMemoryProvider;
  const tenantId = newId('tenant');

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
  });
  afterEach(async () => {
    await app?.close();
    await database.drop();
  });

  async function start(options: TelemetryCollectorOptions = {}): Promise<void> {
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        // By hand: every tick here is one that the test asks for.
        TelemetryCollectorModule.forRoot({ interval: 0, timeout: '2s', ...options }),
      ],
      providers: [QueueLengths],
    })
      .setLogger(SILENT)
      .compile();
    await app.init();
    provider = new InMemoryProvider();
    app.get(ProviderRegistry, { strict: false }).register('memory', provider);
  }

  const tick = async (worker = 'telemetry_collector'): Promise<EndedRun> =>
    (await app.get(Scheduler).trigger(worker)).ended;
  const telemetry = (): TelemetryService => app.get(TelemetryService);
  const told = async (type: string) =>
    (await asSystem(() => app.get(EventBus, { strict: false }).recent({ type }))).items.map(
      ({ payload }) => payload,
    );

  const stats = (given: Partial<InstanceStats>): InstanceStats => ({
    instanceId: newId('instance'), tenantId, labels: {}, readAt: new Date(), startedAt: null,
    cpuSeconds: null, cpuThrottledSeconds: null, cpuLimitCores: null, memoryWorkingSetBytes: null,
    memoryLimitBytes: null, ioReadBytes: null, ioWriteBytes: null, networkReceiveBytes: null,
    networkTransmitBytes: null, oomKills: null, processes: null, ...given,
  }); // prettier-ignore

  it('stores what every provider reads, with CPU use between two ticks over the time between the readings', async () => {
    await start();
    const instanceId = newId('instance');
    const startedAt = new Date(Date.now() - 600_000);
    const one = (ago: number, cpuSeconds: number) =>
      stats({
        instanceId,
        readAt: new Date(Date.now() - ago),
        startedAt,
        cpuSeconds,
        memoryWorkingSetBytes: 5e9,
      });
    provider.stats = async () => [one(20_000, 10)];
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      progress: { done: 2, message: '2 readings of 2 sources' },
    });
    const latest = () => asSystem(() => telemetry().currentResources(tenantId, instanceId));
    expect(await latest()).toMatchObject({
      cpuPercent: null,
      cpuSeconds: 10,
      memoryWorkingSetBytes: 5e9,
      oomKills: null,
    });
    const before = (await latest())!.at;
    provider.stats = async () => [one(10_000, 15)];
    await tick();
    const { cpuPercent, at } = (await latest())!;
    expect(cpuPercent).toBeCloseTo((5 / ((+at - +before) / 1_000)) * 100, 1);
    expect(await asSystem(() => telemetry().dashboard(tenantId))).toMatchObject({
      instances: { items: [{ instanceId, cpuSeconds: 15 }] },
      total: { memoryWorkingSetBytes: 5e9 },
    });
  });

  it('goes on from what another replica has stored', async () => {
    await start();
    const instanceId = newId('instance');
    const startedAt = new Date(Date.now() - 600_000);
    provider.stats = async () => [
      stats({ instanceId, readAt: new Date(Date.now() - 20_000), startedAt, cpuSeconds: 10 }),
    ];
    await tick();
    const current = async () => (await asSystem(() => telemetry().currentResources(tenantId, instanceId)))!;
    const before = await current();
    const worker = app.get(TelemetryCollectorWorker, { strict: false });
    (worker as unknown as { cpu: { before: Map<string, unknown> } }).cpu.before.clear();
    provider.stats = async () => [
      stats({ instanceId, readAt: new Date(Date.now() - 10_000), startedAt, cpuSeconds: 15 }),
    ];
    await tick();
    const { at, cpuPercent } = await current();
    expect(cpuPercent).toBeCloseTo((5 / ((+at - +before.at) / 1_000)) * 100, 1);
  });

  it('a provider that fails or hangs costs itself: told once, counted, and told again when it is over', async () => {
    await start({ timeout: '2s' });
    provider.stats = async () => [stats({})];
    const broken = new InMemoryProvider();
    broken.stats = () => Promise.reject(new Error('no daemon'));
    const hanging = new InMemoryProvider();
    hanging.stats = () => new Promise(() => {});
    app.get(ProviderRegistry, { strict: false }).register('broken', broken);
    app.get(ProviderRegistry, { strict: false }).register('hanging', hanging);
    for (let n = 0; n < 3; n++)
      expect(await tick()).toMatchObject({
        outcome: 'succeeded',
        progress: { message: '2 readings of 2 sources, 2 of 4 sources failed' },
      });
    expect(await told('telemetry.provider_failed')).toEqual([
      { provider: 'hanging', error: 'hanging did not answer within 2000 ms' },
      { provider: 'broken', error: 'no daemon' },
    ]);
    broken.stats = async () => [];
    await tick();
    expect(await told('telemetry.provider_recovered')).toEqual([{ provider: 'broken' }]);
    const counts = app.get(TelemetryCollectorWorker, { strict: false }).counts();
    expect(counts).toMatchObject(
      expect.arrayContaining([
        { kind: 'provider', name: 'memory', points: 4, succeeded: 4, failed: 0, lastError: undefined },
        { kind: 'provider', name: 'broken', points: 0, succeeded: 1, failed: 3, lastError: undefined },
        expect.objectContaining({ name: 'hanging', succeeded: 0, failed: 4 }),
      ]),
    );
  });

  it('asks a provider that cannot tell of all at once for each instance, and one that fails costs itself', async () => {
    await start();
    provider.stats = () => Promise.reject(new CapabilityNotSupportedError('memory', 'resources'));
    const ids = [newId('instance'), newId('instance'), newId('instance')];
    for (const instanceId of ids)
      await provider.provision({ instanceId, tenantId, name: 'web', spec: { command: ['x'] }, labels: {} });
    provider.resources = (async (id: string) => {
      if (id === ids[1]) throw new Error('gone');
      return { cpuPercent: 5, memoryBytes: 100, readAt: new Date() };
    }) as unknown as InMemoryProvider['resources'];
    await tick();
    const { instances } = await asSystem(() => telemetry().dashboard(tenantId));
    expect(instances.items.map(({ instanceId }) => instanceId)).toEqual([ids[0], ids[2]]);
    expect(await told('telemetry.provider_failed')).toMatchObject([{ provider: 'memory', instances: 1 }]);
  });

  it('keeps what was read of the other instances when some of a provider hang, however many they are', async () => {
    await start({ interval: '365d', spread: 0, timeout: '1s', concurrency: 2 });
    provider.stats = () => Promise.reject(new CapabilityNotSupportedError('memory', 'resources'));
    const ids = Array.from({ length: 8 }, () => newId('instance'));
    for (const instanceId of ids)
      await provider.provision({ instanceId, tenantId, name: 'web', spec: { command: ['x'] }, labels: {} });
    provider.resources = (async (id: string) => {
      if (id === ids[1]) await new Promise(() => {});
      return { cpuPercent: 5, memoryBytes: 100, readAt: new Date() };
    }) as unknown as InMemoryProvider['resources'];
    expect(await tick()).toMatchObject({ outcome: 'succeeded' });
    const { instances } = await asSystem(() => telemetry().dashboard(tenantId));
    expect(instances.items.map(({ instanceId }) => instanceId)).toEqual(
      ids.filter((id) => id !== ids[1]).sort(),
    );
  });

  it('keeps what was read one by one when the time is over, names the others, and begins with them at the next tick', async () => {
    await start({ interval: '1s', spread: 0, timeout: '1s', concurrency: 1 });
    const [hanging, left] = [newId('instance'), newId('instance')];
    const ids = [newId('instance'), hanging, left];
    const asked: string[] = [];
    provider.statsReaders = async () =>
      ids.map((instanceId) => ({
        instanceId,
        read: async () => {
          asked.push(instanceId);
          // It does not listen to its signal either.
          if (instanceId === hanging) await new Promise(() => {});
          return stats({ instanceId });
        },
      }));
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      progress: { message: '2 readings of 2 sources, 2 instances were not read' },
    });
    expect(asked).toEqual([ids[0], hanging]);
    expect(await told('telemetry.provider_failed')).toEqual([
      {
        provider: 'memory',
        instances: 2,
        instanceIds: [hanging, left],
        error: expect.stringMatching(/within 1000 ms/),
      },
    ]);
    asked.length = 0;
    await tick();
    expect(asked).toEqual([left, ids[0], hanging]);
    // Told within the hour.
    expect(await told('telemetry.provider_failed')).toHaveLength(1);
    expect(app.get(TelemetryCollectorWorker, { strict: false }).counts()).toContainEqual(
      expect.objectContaining({ name: 'memory: instances', failed: 3 }),
    );
  });

  it('a provider of which not one instance can be read has failed', async () => {
    await start();
    const instanceId = newId('instance');
    const read = (): Promise<never> => Promise.reject(new Error('no daemon'));
    provider.statsReaders = async () => [{ instanceId, read }];
    expect(await tick()).toMatchObject({
      progress: { message: '1 readings of 1 sources, 1 of 2 sources failed' },
    });
    expect(await told('telemetry.provider_failed')).toEqual([{ provider: 'memory', error: 'no daemon' }]);
  });

  it('asks sources one after the other over a part of the interval, and the rest at once when the application ends', async () => {
    await start({ interval: '365d', spread: '40m' });
    const asked: string[] = [];
    for (const name of ['b', 'c', 'd'])
      telemetry().registerCollector(name, { collect: () => (asked.push(name), []) });
    app.get(QueueLengths).collect = () => (asked.push('a'), []);
    provider.stats = async () => (asked.push('memory'), []);
    const ended = tick();
    await eventually(() => asked.length > 0);
    expect(asked).toEqual(['memory']);
    app.get(TelemetryCollectorWorker, { strict: false }).onModuleDestroy();
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(asked).toEqual(['memory', 'a', 'b', 'c', 'd']);
  });

  it('calls the collectors of the application, found or registered; one that fails costs itself', async () => {
    await start();
    provider.stats = async () => [];
    const ofTenant = (whose: TenantId): CollectedSample => ({
      name: 'jobs_total',
      value: 7,
      tenantId: whose,
    });
    const end = telemetry().registerCollector('jobs', { collect: async () => [ofTenant(tenantId)] });
    telemetry().registerCollector('broken', { collect: () => Promise.reject(new Error('no jobs table')) });
    await tick();
    const query = (whose: TenantId, name: string) =>
      asSystem(() => telemetry().queryMetrics(whose, { name, aggregation: 'last' }));
    expect((await query(OWN_TENANT, 'queue_length')).series).toMatchObject([
      { labels: { queue: 'mail' }, points: [{ value: 3 }] },
    ]);
    expect((await query(tenantId, 'jobs_total')).series).toMatchObject([{ points: [{ value: 7 }] }]);
    expect(await told('telemetry.collector_failed')).toEqual([
      { collector: 'broken', error: 'no jobs table' },
    ]);
    end();
    await tick();
    expect((await query(tenantId, 'jobs_total')).series[0]!.points).toHaveLength(1);
  });

  it('asks the endpoints that instances name, under the egress policy; one that fails costs itself', async () => {
    const server = createHttpServer((request, response) => {
      if (request.url === '/broken') request.socket.destroy();
      else response.end('# TYPE hits counter\nhits_total 7\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await start({ scrape: { egress: { allow: ['127.0.0.1'] } } });
    provider.stats = async () => [];
    const rows = new InstanceRows(app.get(DataSource));
    const instance = async (host: string, path?: string) => {
      const id = await rows.addInstance({ tenantId, age: 0 });
      await app
        .get(DataSource)
        .query(`UPDATE instances SET endpoints = $2, spec = spec || $3 WHERE id = $1`, [
          id,
          JSON.stringify([{ name: 'http', host, port }]),
          JSON.stringify({ metrics: { port: 'http', path } }),
        ]);
      return id;
    };
    const [good] = [
      await instance('127.0.0.1'),
      await instance('127.0.0.1', '/broken'),
      await instance('127.0.0.2'),
    ];
    await rows.addInstance({ tenantId, age: 0 });
    expect(await tick()).toMatchObject({ outcome: 'succeeded' });
    const { series } = await asSystem(() =>
      telemetry().queryMetrics(tenantId, { name: 'hits_total', aggregation: 'last' }),
    );
    expect(series).toMatchObject([{ instanceId: good, kind: 'counter', points: [{ value: 7 }] }]);
    expect(app.get(TelemetryCollectorWorker, { strict: false }).counts()).toContainEqual(
      expect.objectContaining({ kind: 'endpoint', succeeded: 1, failed: 2, points: 1 }),
    );
    server.close();
  });

  it('fails when not one source could be read', async () => {
    await start();
    app.get(QueueLengths).collect = () => Promise.reject(new Error('down'));
    provider.stats = () => Promise.reject(new Error('no daemon'));
    expect(await tick()).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('Not one') },
    });
  });

  it('rolls up and keeps partitions ahead', async () => {
    await start();
    expect(await tick('telemetry_rollups')).toMatchObject({ outcome: 'succeeded' });
    expect(await tick('telemetry_retention')).toMatchObject({
      outcome: 'succeeded',
      progress: { message: expect.stringMatching(/^\d+ partitions made, 0 dropped/) },
    });
  });

  it('goes on without a database while it is away, and stores what was read when it is back', async () => {
    const proxy = await proxyTo(database.url);
    const direct = database;
    database = { url: proxy.url, drop: direct.drop };
    await start();
    provider.stats = async () => [stats({})];
    await tick();
    proxy.cut();
    const store = app.get(TelemetryStore);
    void tick();
    await eventually(() => store.counts().resources.unreachable);
    expect(store.counts().resources.dropped).toEqual({ overflow: 0, refused: 0, closed: 0 });
    await proxy.restore();
    await eventually(() => store.counts().resources.written === 2, 20_000);
    const { instances } = await asSystem(() => telemetry().dashboard(tenantId));
    expect(instances.items).toHaveLength(2);
    await app.close();
    app = undefined as unknown as TestingModule;
    await proxy.close();
  });

  it('reads half a core of a process and its children as what they say themselves', async () => {
    await start();
    const directory = await mkdtemp(join(tmpdir(), 'telemetry-'));
    const processes = new ProcessProvider({ directory, stopGrace: '300ms' });
    app.get(ProviderRegistry, { strict: false }).register('process', processes);
    const instanceId = newId('instance');
    // Of two processes each burns a quarter of a core, and writes what it has used.
    const burn = `setInterval(() => { const end = performance.now() + 25; while (performance.now() < end); }, 100);
      setInterval(() => console.log(JSON.stringify({ pid: process.pid, ...process.cpuUsage(), at: Date.now() })), 50)`;
    const command = [
      '/bin/sh',
      '-c',
      `"${process.execPath}" -e '${burn}' & "${process.execPath}" -e '${burn}'; wait`,
    ];
    const request: ProvisionRequest = { instanceId, tenantId, name: 'burner', spec: { command }, labels: {} };
    try {
      await processes.provision(request);
      const logged = async (): Promise<Usage[]> =>
        (await processes.logs(instanceId, { tail: 10_000 })).flatMap((line) => {
          try {
            return [JSON.parse(line) as Usage];
          } catch {
            return [];
          }
        });
      await eventually(async () => new Set((await logged()).map(({ pid }) => pid)).size === 2);
      /** A tick, and what both had used by then: undefined when they were kept from saying so right before or after it. */
      const read = async () => {
        await tick();
        const latest = (await asSystem(() => telemetry().currentResources(tenantId, instanceId)))!;
        await eventually(async () => usedBy(await logged(), +latest.at) !== undefined);
        const { seconds, within } = usedBy(await logged(), +latest.at)!;
        return { latest, used: within < 250 ? seconds : undefined };
      };
      let [first, second] = [await read(), undefined as Awaited<ReturnType<typeof read>> | undefined];
      while (first.used === undefined || second?.used === undefined) {
        first = second ?? first;
        await new Promise((resolve) => setTimeout(resolve, CPU_SECONDS * 1_000));
        second = await read();
      }
      const used = second.used - first.used;
      const seconds = (+second.latest.at - +first.latest.at) / 1_000;
      const counted = second.latest.cpuSeconds! - first.latest.cpuSeconds!;
      expect(Math.abs(counted - used) / used).toBeLessThan(0.1);
      const percent = (used / seconds) * 100;
      expect(Math.abs(second.latest.cpuPercent! - percent) / percent).toBeLessThan(0.1);
      expect(second.latest.processes).toBe(3);
    } finally {
      await processes.deprovision(instanceId);
      await rm(directory, { recursive: true });
    }
  }, 180_000);
});

/** What a process says of itself. */
interface Usage {
  pid: number;
  user: number;
  system: number;
  at: number;
}

/**
 * Seconds of all processes until that instant, from the lines on both sides of it, and how many milliseconds these are apart at
 * most; undefined while there are none after it.
 */
function usedBy(lines: Usage[], instant: number): { seconds: number; within: number } | undefined {
  let seconds = 0;
  let within = 0;
  for (const pid of new Set(lines.map((line) => line.pid))) {
    const own = lines.filter((line) => line.pid === pid);
    const before = own.findLast(({ at }) => at <= instant);
    const after = own.find(({ at }) => at > instant);
    if (!before || !after) return undefined;
    const share = (instant - before.at) / (after.at - before.at);
    const [start, end] = [before.user + before.system, after.user + after.system];
    seconds += (start + share * (end - start)) / 1e6;
    within = Math.max(within, after.at - before.at);
  }
  return { seconds, within };
}

/** A way to the server that refuses connections after `cut`, until `restore`. */
async function proxyTo(url: string) {
  const through = new URL(url);
  const target = Number(through.port);
  const sockets = new Set<Socket>();
  const listen = async (port: number): Promise<Server> => {
    const server = createServer((client) => {
      const upstream = connect({ port: target, host: '127.0.0.1' });
      for (const socket of [client, upstream]) {
        sockets.add(socket.on('error', () => socket.destroy()));
        socket.on('close', () => [client, upstream].forEach((one) => one.destroy()));
      }
      client.pipe(upstream).pipe(client);
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  through.port = String(port);
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: through.href,
    cut,
    restore: async () => void (server = await listen(port)),
    close: async () => cut(),
  };
}
