import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { InMemoryProvider } from '../../../../test/support/in-memory-provider.js';
import { RelayEngine } from '../../../../test/support/relay.engine.js';
import { type EndedRun } from '../../../core/history/run.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { newId } from '../../ids/typed-id.js';
import { ProviderRegistry } from '../../providers/provider.registry.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { TelemetryStore } from '../../telemetry/telemetry.store.js';
import { type EndpointBatch } from './endpoint-scraping.js';
import { TelemetryCollectorModule } from './telemetry-collector.module.js';
import { type TelemetryCollectorOptions } from './telemetry-collector.options.js';
import { TelemetryCollectorWorker } from './telemetry-collector.worker.js';

/** More than a tick keeps to itself. */
const ENDPOINTS = 250;

const ignore = (): void => {};

describe('What the telemetry collector hands out', () => {
  let app: TestingModule;
  let engine: RelayEngine;
  let server: Server;
  let asked: string[];
  let database: { url: string; drop(): Promise<void> };
  const tenantId = newId('tenant');

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    engine = new RelayEngine();
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url!);
      response.end('# TYPE hits counter\nhits_total 7\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    await app.close();
    server.close();
    await database.drop();
  });

  async function start(options: TelemetryCollectorOptions = {}): Promise<void> {
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ fanOut: engine, drain: { timeout: 0, abortGrace: 0 } }),
        TelemetryCollectorModule.forRoot({
          interval: 0,
          timeout: '1m',
          scrape: { egress: { allow: ['127.0.0.1'] } },
          ...options,
        }),
      ],
    })
      .setLogger({ log: ignore, warn: ignore, error: ignore })
      .compile();
    await app.init();
    app.get(ProviderRegistry, { strict: false }).register('memory', new InMemoryProvider());
    const { port } = server.address() as AddressInfo;
    await app.get(DataSource).query(
      `INSERT INTO instances (id, tenant_id, name, provider, state, endpoints, spec)
       SELECT id, $2, 'web', 'memory', 'running', $3::jsonb,
         jsonb_build_object('command', '["true"]'::jsonb, 'metrics', jsonb_build_object('port', 'http', 'path', '/' || id))
       FROM unnest($1::text[]) AS id`,
      [
        Array.from({ length: ENDPOINTS }, () => newId('instance')),
        tenantId,
        JSON.stringify([{ name: 'http', host: '127.0.0.1', port }]),
      ],
    );
  }
  const tick = async (): Promise<EndedRun> => (await app.get(Scheduler).trigger('telemetry_collector')).ended;
  const keep = (count: number) =>
    app
      .get(DataSource)
      .query(`DELETE FROM instances WHERE id IN (SELECT id FROM instances OFFSET $1)`, [count]);
  const batches = (): EndpointBatch[] => engine.items as EndpointBatch[];

  it('is every endpoint once, in batches; what they gave is stored and counted', async () => {
    await start();
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      shards: { total: 2, done: 2, failed: 0 },
      metrics: { 'endpoints.asked': ENDPOINTS, 'endpoints.samples': ENDPOINTS },
      progress: { message: expect.stringMatching(/^250 readings of 1 sources$/) },
    });
    expect(batches().map(({ instances }) => instances.length)).toEqual([125, 125]);
    expect(new Set(asked).size).toBe(ENDPOINTS);
    expect(asked.length).toBe(ENDPOINTS);
    expect(app.get(TelemetryStore).counts().samples.written).toBe(ENDPOINTS);
    expect(app.get(TelemetryCollectorWorker, { strict: false }).counts()).toContainEqual(
      expect.objectContaining({ kind: 'endpoint', succeeded: ENDPOINTS, failed: 0, points: ENDPOINTS }),
    );
  });

  it('keeps to the part of the interval over which endpoints are asked', async () => {
    await start({ interval: '1h', spread: '1s' });
    const from = performance.now();
    const places: number[] = [];
    server.on('request', () => places.push(performance.now() - from));
    await tick();
    // One batch after the other here: the first over the second, the rest late and so at once.
    const [first, last] = [places[0]!, places[124]!];
    expect(last - first).toBeGreaterThan(700);
    expect(places).toHaveLength(ENDPOINTS);
  });

  it.each<[string, TelemetryCollectorOptions, () => unknown, asked: number]>([
    ['with `fanOut: false`', { fanOut: false }, () => {}, ENDPOINTS],
    ['while the engine is away', {}, () => engine.lose(), ENDPOINTS],
    ['with few endpoints', {}, () => keep(200), 200],
  ])('is nothing %s', async (_when, options, change, expected) => {
    await start(options);
    await change();
    expect(await tick()).toMatchObject({
      outcome: 'succeeded',
      progress: { message: `${expected} readings of 1 sources` },
    });
    expect([engine.items.length, asked.length]).toEqual([0, expected]);
  });

  it('is not an instance that has stopped by the time that its batch comes', async () => {
    await start();
    engine.before = async () => {
      await app.get(DataSource).query(`UPDATE instances SET state = 'stopped'`);
    };
    expect(await tick()).toMatchObject({ outcome: 'succeeded', shards: { failed: 0 } });
    expect(asked).toEqual([]);
  });

  it('keeps no provider waiting when the engine is lost in mid-tick', async () => {
    await start({ timeout: '300ms' });
    // Never answers, as the queue of an engine that is away.
    engine.before = () => {
      engine.lose();
      return new Promise(() => {});
    };
    expect(await tick()).toMatchObject({ outcome: 'succeeded', progress: { message: expect.any(String) } });
    expect(asked).toEqual([]);
    await tick();
    expect(engine.items).toHaveLength(1);
    expect(asked.length).toBeGreaterThan(0);
  });
});
