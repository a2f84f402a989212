import { type DynamicModule, Module } from '@nestjs/common';
import { AuthModule } from '../../auth/auth.module.js';
import { BrakesModule } from '../../brakes/brakes.module.js';
import { EventsModule } from '../../events/events.module.js';
import { InstancesModule } from '../../instances/instances.module.js';
import { ProvidersModule } from '../../providers/providers.module.js';
import { StoreOrphans } from '../../store-orphans/store-orphans.js';
import { TenantsModule } from '../../tenants/tenants.module.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  GARBAGE_COLLECTOR_OPTIONS,
  GARBAGE_COLLECTOR_SETTINGS,
  garbageCollectorSettings,
  type OPTIONS_TYPE,
} from './garbage-collector.options.js';
import { GarbageCollector } from './garbage-collector.worker.js';
import { OrphanRepository } from './orphan.repository.js';
import { CertificatesPass } from './passes/certificates.pass.js';
import { DeletionsPass } from './passes/deletions.pass.js';
import { DeploymentsPass } from './passes/deployments.pass.js';
import { DomainsPass } from './passes/domains.pass.js';
import { type GarbagePass } from './passes/garbage-pass.js';
import { GarbagePasses } from './passes/garbage-passes.js';
import { HealthChecksPass } from './passes/health-checks.pass.js';
import { ImagesPass } from './passes/images.pass.js';
import { InstancesPass } from './passes/instances.pass.js';
import { OrphanDeletion } from './passes/orphan-deletion.js';
import { PassRunner } from './passes/pass-runner.js';
import { RoutesPass } from './passes/routes.pass.js';
import { StoreOrphansPass } from './passes/store-orphans.pass.js';
import { TenantsPass } from './passes/tenants.pass.js';
import { VolumesPass } from './passes/volumes.pass.js';
import { StoreGarbageCollector } from './store-garbage.worker.js';
import { TypeOrmOrphanRepository } from './typeorm-orphan.repository.js';

/** In the order in which they run: first what others depend on, so that one run finds what that leaves. */
const PASSES = [
  InstancesPass,
  TenantsPass,
  DomainsPass,
  RoutesPass,
  CertificatesPass,
  HealthChecksPass,
  DeploymentsPass,
  DeletionsPass,
  StoreOrphansPass,
  ImagesPass,
  VolumesPass,
];

/**
 * The workers `gc` and `gc_stores`, and the passes that they run; `GarbagePasses` takes more. Needs the `DatabaseModule`, and
 * the `WorkerModule` to run. Global, so that any module can add a pass.
 */
@Module({
  imports: [AuthModule, BrakesModule, EventsModule, InstancesModule, ProvidersModule, TenantsModule],
  providers: [
    GarbageCollector,
    StoreGarbageCollector,
    StoreOrphans,
    ...PASSES,
    OrphanDeletion,
    PassRunner,
    {
      provide: GarbagePasses,
      inject: PASSES,
      useFactory: (...own: GarbagePass[]) => {
        const passes = new GarbagePasses();
        for (const pass of own) passes.register(pass);
        return passes;
      },
    },
    {
      provide: GARBAGE_COLLECTOR_SETTINGS,
      inject: [GARBAGE_COLLECTOR_OPTIONS],
      useFactory: garbageCollectorSettings,
    },
    { provide: OrphanRepository, useClass: TypeOrmOrphanRepository },
  ],
  exports: [GarbagePasses, OrphanRepository],
})
export class GarbageCollectorModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return { ...super.forRoot(options), global: true };
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return { ...super.forRootAsync(options), global: true };
  }
}
