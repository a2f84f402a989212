import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { type FanOutEngine } from '../../src/core/fan-out/fan-out.engine.js';
import { type EndedRun } from '../../src/core/history/run.js';
import { RunDroppedError } from '../../src/core/scheduler/scheduler.errors.js';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import { WorkerModule } from '../../src/core/worker.module.js';
import { EventBus } from '../../src/modules/events/event-bus.js';
import { type StoredEvent } from '../../src/modules/events/event.js';
import { InstancesService } from '../../src/modules/instances/instances.service.js';
import { type Provider } from '../../src/modules/providers/provider.js';
import { ProviderRegistry } from '../../src/modules/providers/provider.registry.js';
import { DatabaseModule } from '../../src/modules/schema/database.module.js';
import { TenantsModule } from '../../src/modules/tenants/tenants.module.js';
import { TenantsService } from '../../src/modules/tenants/tenants.service.js';
import { DatacentersService } from '../../src/modules/datacenters/datacenters.service.js';
import { ReconcilerModule } from '../../src/modules/workers/reconciler/reconciler.module.js';
import { type ReconcilerOptions } from '../../src/modules/workers/reconciler/reconciler.options.js';
import { WorkloadsService } from '../../src/modules/workloads/workloads.service.js';
import { asSystem } from './control-plane.js';
import { type ModuleMetadata } from '@nestjs/common';

/** A replica of a control plane with the reconciler, whose passes run when told to, or when something happens. */
export type Replica = Awaited<ReturnType<typeof startReplica>>;

export async function startReplica(
  url: string,
  providers: Provider[],
  options: ReconcilerOptions = {},
  { fanOut, ...more }: ModuleMetadata & { fanOut?: FanOutEngine } = {},
) {
  const logs: string[] = [];
  const note = (text: unknown) => void logs.push(String(text));
  const app = await Test.createTestingModule({
    ...more,
    imports: [
      DatabaseModule.forRoot({ url }),
      TenantsModule,
      WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 100 }, ...(fanOut && { fanOut }) }),
      ReconcilerModule.forRoot({ interval: '1h', ...options }),
      ...(more.imports ?? []),
    ],
  })
    .setLogger({ log: note, warn: note, error: note })
    .compile();
  const find = <T>(type: abstract new (...args: never[]) => T): T =>
    app.get<T>(type as never, { strict: false });
  try {
    for (const provider of providers) find(ProviderRegistry).register(provider.info().name, provider);
    await app.init();
  } catch (error) {
    // Nobody else can: its connections would keep the process.
    await app.close().catch(() => {});
    throw error;
  }
  const events = find(EventBus);
  /** One that something newer takes the place of, as there is something to do at once, is asked for again. */
  const run = async (worker: string): Promise<EndedRun> => {
    for (;;) {
      try {
        return await (
          await app.get(Scheduler).trigger(worker)
        ).ended;
      } catch (error) {
        if (!(error instanceof RunDroppedError)) throw error;
      }
    }
  };
  return {
    app,
    find,
    logs,
    dataSource: app.get(DataSource),
    tenants: find(TenantsService),
    datacenters: find(DatacentersService),
    workloads: find(WorkloadsService),
    instances: find(InstancesService),
    run,
    /** Of that type or those types, oldest first. */
    told: async (...types: string[]): Promise<StoredEvent[]> => {
      const { items } = await asSystem(() => events.recent({ limit: 1_000 }));
      return items.toReversed().filter(({ type }) => types.includes(type));
    },
    stop: () => app.close(),
  };
}
