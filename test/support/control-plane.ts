import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { systemClaims, withClaims } from '../../src/modules/auth/claims.js';
import { DatabaseModule } from '../../src/modules/schema/database.module.js';
import { DatacentersService } from '../../src/modules/datacenters/datacenters.service.js';
import { EventBus } from '../../src/modules/events/event-bus.js';
import { type StoredEvent } from '../../src/modules/events/event.js';
import { InstancesService } from '../../src/modules/instances/instances.service.js';
import { ProviderRegistry } from '../../src/modules/providers/provider.registry.js';
import { TenantsModule } from '../../src/modules/tenants/tenants.module.js';
import { TenantsService } from '../../src/modules/tenants/tenants.service.js';
import { WorkloadsService } from '../../src/modules/workloads/workloads.service.js';
import { createControlPlaneDatabase } from './control-plane-database.js';
import { InMemoryProvider } from './in-memory-provider.js';

/** The services of a control plane on a database of their own, with the provider `memory`. */
export type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

export async function startControlPlane() {
  const { url, drop } = await createControlPlaneDatabase();
  const app = await Test.createTestingModule({
    imports: [DatabaseModule.forRoot({ url }), TenantsModule],
  }).compile();
  await app.init();
  const find = <T>(type: new (...args: never[]) => T): T => app.get<T>(type as never, { strict: false });
  const provider = new InMemoryProvider();
  const providers = find(ProviderRegistry);
  providers.register('memory', provider);
  const events = app.get(EventBus, { strict: false });

  return {
    provider,
    providers,
    events,
    dataSource: app.get(DataSource),
    tenants: find(TenantsService),
    datacenters: find(DatacentersService),
    workloads: find(WorkloadsService),
    instances: find(InstancesService),
    repository: <T>(type: abstract new (...args: never[]) => T): T =>
      app.get<T>(type as never, { strict: false }),
    /** All events of a type, oldest first, as `[type, payload]`. */
    told: async (type?: string): Promise<StoredEvent[]> => {
      const { items } = await asSystem(() => events.recent({ type, limit: 1_000 }));
      return items.toReversed();
    },
    stop: async () => {
      await app.close();
      await drop();
    },
  };
}

/** Runs `fn` as the control plane itself, over all tenants. */
export function asSystem<T>(fn: () => T): T {
  return withClaims(systemClaims('test'), fn);
}
