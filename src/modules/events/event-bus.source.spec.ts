import { Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { eventually } from '../../../test/support/eventually.js';
import { type Coordinator } from '../../core/coordination/coordinator.js';
import { postgres } from '../../core/postgres/postgres.coordinator.js';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { Interval } from '../../core/worker/interval.decorator.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { WorkerModule } from '../../core/worker.module.js';
import { newId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { EventBus } from './event-bus.js';
import { EventsModule } from './events.module.js';

const seen: { replica: string; payload: unknown }[] = [];

@Injectable()
class Reactor {
  @Interval('reactor', 0, { on: ['instance.failed'], overlap: 'allow' })
  react({ payload, trigger, worker }: RunContext) {
    seen.push({ replica: `${worker} by ${trigger}`, payload });
  }

  @Interval('mistaken', 0, { on: ['Instance.Failed'] })
  never() {}
}

/** After the workers, as an application may import it. */
@Module({ imports: [EventsModule], providers: [Reactor] })
class ReactorModule {}

describe('workers of the control plane that run on events', () => {
  let apps: TestingModule[] = [];
  let drop: () => Promise<void>;
  const warnings: string[] = [];

  async function start(replicas: number, coordinated: boolean): Promise<void> {
    const database = await createControlPlaneDatabase();
    ({ drop } = database);
    for (let i = 0; i < replicas; i++) {
      const app = await Test.createTestingModule({
        imports: [
          DatabaseModule.forRoot({ url: database.url }),
          WorkerModule.forRootAsync({
            inject: [DataSource],
            useFactory: (dataSource: DataSource) =>
              coordinated ? { coordination: postgres({ dataSource }) as Coordinator } : {},
          }),
          ReactorModule,
        ],
      })
        .setLogger({ log: () => {}, error: () => {}, warn: (text) => void warnings.push(String(text)) })
        .compile();
      await app.init();
      apps.push(app);
    }
  }

  afterEach(async () => {
    for (const app of apps) await app.close();
    apps = [];
    await drop();
    seen.length = warnings.length = 0;
  });

  it('run once for each event of their types, which is their payload', async () => {
    await start(1, false);
    const bus = apps[0]!.get(EventBus, { strict: false });
    const tenantId = newId('tenant');
    await bus.publish({ type: 'instance.created', payload: {} });
    const event = await bus.publish({ type: 'instance.failed', tenantId, payload: { n: 1 } });
    await eventually(async () => seen.length > 0);
    expect(seen).toEqual([
      { replica: 'reactor by event', payload: JSON.parse(JSON.stringify(event)) as unknown },
    ]);
  });

  it('run once in the whole cluster, though each replica hears of the event', async () => {
    await start(2, true);
    for (const n of [1, 2, 3])
      await apps[n % 2]!.get(EventBus, { strict: false }).publish({
        type: 'instance.failed',
        payload: { n },
      });
    const counted = async () =>
      (await apps[0]!.get(Scheduler, { strict: false }).status()).find(({ name }) => name === 'reactor')!
        .runCount;
    await eventually(async () => (await counted()) === 3);
    expect(seen.map(({ payload }) => (payload as { payload: { n: number } }).payload.n).sort()).toEqual([
      1, 2, 3,
    ]);
  });

  it('are named with their type in the log when the bus can never tell of it', async () => {
    await start(1, false);
    expect(warnings.filter((text) => text.includes('"Instance.Failed" is no event type'))).toHaveLength(1);
  });
});
