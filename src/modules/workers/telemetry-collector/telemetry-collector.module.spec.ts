import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { asSystem } from '../../../../test/support/control-plane.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { newId } from '../../ids/typed-id.js';
import { InMemoryTelemetryStore } from '../../telemetry/in-memory-telemetry.store.js';
import { type CollectedSample, type MetricCollector } from '../../telemetry/metric-collector.js';
import { TelemetryCollector } from '../../telemetry/telemetry-collector.decorator.js';
import { TelemetryService } from '../../telemetry/telemetry.service.js';
import { TelemetryStore } from '../../telemetry/telemetry.store.js';
import { OWN_TENANT } from '../../tenants/own-tenant.js';
import { TelemetryCollectorModule } from './telemetry-collector.module.js';
import { type TelemetryCollectorOptions } from './telemetry-collector.options.js';

@TelemetryCollector({ name: 'queues' })
@Injectable()
class QueueLengths implements MetricCollector {
  collect(): CollectedSample[] {
    return [{ name: 'queue_length', labels: { queue: 'mail' }, value: 3 }];
  }
}

const ignore = (): void => {};
const SILENT = { log: ignore, warn: ignore, error: ignore };

describe('TelemetryCollectorModule', () => {
  let app: TestingModule | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  const telemetry = (): TelemetryService => app!.get(TelemetryService);

  it('needs no database, no events and no control plane with a store of another kind', async () => {
    const store = new InMemoryTelemetryStore();
    app = await Test.createTestingModule({
      imports: [WorkerModule.forRoot(), TelemetryCollectorModule.forRoot({ interval: 0, store })],
      providers: [QueueLengths],
    })
      .setLogger(SILENT)
      .compile();
    await app.init();
    expect(await (await app.get(Scheduler).trigger('telemetry_collector')).ended).toMatchObject({
      outcome: 'succeeded',
      progress: { message: '1 readings of 1 sources' },
    });
    const { series } = await asSystem(() => telemetry().queryMetrics(OWN_TENANT, { name: 'queue_length' }));
    expect(series).toMatchObject([{ points: [{ value: 3 }] }]);
  });

  it.each<[TelemetryCollectorOptions, string]>([
    [{ interval: '10s', spread: '11s' }, 'spread: "11s" is more than the interval'],
    [{ interval: 'often' as '1s' }, 'interval:'],
    [{ concurrency: 0 }, 'concurrency: 0 is not a whole number'],
    [{ scrape: { maxSeries: 0 } }, 'maxSeries'],
    [{ intervall: '5s' } as TelemetryCollectorOptions, 'intervall'],
    [{ retention: { raw: 'long' as '1s' } }, 'retention.raw'],
    [{ retention: { raw: '10m' } }, 'retention.raw: 600000 ms is less than an hour'],
    [{ retention: { raw: '30d' } }, 'retention.minutes: 1209600000 ms is less than retention.raw'],
    [{ retention: { hours: '1d' } }, 'retention.hours'],
    [{ limits: { activeSeries: -1 } }, 'limits.activeSeries: -1 is not a whole number of 1 or more'],
    [{ limits: { series: 1 } as object }, 'limits'],
    [{ maxBuffered: 0 }, 'maxBuffered: 0'],
  ])('refuses the options %j', async (options, message) => {
    const compiled = Test.createTestingModule({
      imports: [
        WorkerModule.forRoot(),
        TelemetryCollectorModule.forRoot({ store: new InMemoryTelemetryStore(), ...options }),
      ],
    })
      .setLogger(SILENT)
      .compile();
    await expect(compiled).rejects.toThrow(message);
  });

  it('takes its options from a factory, and a store by its class', async () => {
    app = await Test.createTestingModule({
      imports: [
        WorkerModule.forRoot(),
        TelemetryCollectorModule.forRootAsync({
          imports: [
            { module: class Settings {}, providers: [{ provide: 'limit', useValue: 2 }], exports: ['limit'] },
          ],
          inject: ['limit'],
          useFactory: async (samplesPerPush: number) => ({ interval: 0, limits: { samplesPerPush } }),
          store: InMemoryTelemetryStore,
        }),
      ],
    })
      .setLogger(SILENT)
      .compile();
    await app.init();
    expect(app.get(TelemetryStore)).toBeInstanceOf(InMemoryTelemetryStore);
    const tenantId = newId('tenant');
    const samples = [1, 2, 3].map((value) => ({ name: `m${value}`, value }));
    const result = await asSystem(() => telemetry().pushMetrics(tenantId, samples));
    expect(result).toEqual({ accepted: 2, dropped: { push: 1 } });
  });

  it('fails the start when a factory gives what cannot be', async () => {
    const compiled = Test.createTestingModule({
      imports: [
        WorkerModule.forRoot(),
        TelemetryCollectorModule.forRootAsync({ useFactory: () => ({ maxBuffered: 0 }), store: InMemoryTelemetryStore }),
      ],
    }).setLogger(SILENT).compile();
    await expect(compiled).rejects.toThrow('maxBuffered: 0');
  }); // prettier-ignore
});
