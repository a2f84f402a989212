import { type DynamicModule, Module } from '@nestjs/common';
import { AuthModule } from '../../auth/auth.module.js';
import { BrakesModule } from '../../brakes/brakes.module.js';
import { EventsModule } from '../../events/events.module.js';
import { InstancesModule } from '../../instances/instances.module.js';
import { TenantsModule } from '../../tenants/tenants.module.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  type OPTIONS_TYPE,
} from './garbage-collector.options.js';
import { GarbageCollector } from './garbage-collector.worker.js';
import { OrphanRepository } from './orphan.repository.js';
import { TypeOrmOrphanRepository } from './typeorm-orphan.repository.js';

/**
 * The worker `gc`. Needs the `DatabaseModule`, and `WorkerModule` to run it. Global, so that what shows its brakes can be put
 * in by another module.
 */
@Module({
  imports: [AuthModule, BrakesModule, EventsModule, InstancesModule, TenantsModule],
  providers: [GarbageCollector, { provide: OrphanRepository, useClass: TypeOrmOrphanRepository }],
  exports: [OrphanRepository],
})
export class GarbageCollectorModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return { ...super.forRoot(options), global: true };
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return { ...super.forRootAsync(options), global: true };
  }
}
