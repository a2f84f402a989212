import { type DynamicModule, Global, Module } from '@nestjs/common';
import { AuthModule } from '../../auth/auth.module.js';
import { BootstrapModule } from '../../bootstrap/bootstrap.module.js';
import { DatacentersModule } from '../../datacenters/datacenters.module.js';
import { EventsModule } from '../../events/events.module.js';
import { InstancesModule } from '../../instances/instances.module.js';
import { ProvidersModule } from '../../providers/providers.module.js';
import { WorkloadsModule } from '../../workloads/workloads.module.js';
import { DriftRepository } from './drift.repository.js';
import { InstanceDriftWorker } from './instance-drift.worker.js';
import { type ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, type OPTIONS_TYPE } from './reconciler.options.js';
import { ReconcilerPreview } from './reconciler-preview.js';
import { ReconcilerWake } from './reconciler-wake.js';
import { Reconciler } from './reconciler.worker.js';
import { StoreNudges } from './store-nudges.js';
import { StoreOrphans } from './store-orphans.js';
import { StorePass } from './store-pass.js';

/**
 * The workers `instance_drift` and `reconciler`: what should run, runs. Needs the `DatabaseModule`, a provider, and
 * `WorkerModule` to run them.
 */
@Global()
@Module({
  imports: [
    AuthModule,
    EventsModule,
    ProvidersModule,
    InstancesModule,
    WorkloadsModule,
    DatacentersModule,
    BootstrapModule,
  ],
  providers: [
    InstanceDriftWorker,
    Reconciler,
    ReconcilerPreview,
    ReconcilerWake,
    StoreOrphans,
    StorePass,
    StoreNudges,
  ],
  exports: [DriftRepository, ReconcilerPreview],
})
export class ReconcilerModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }
}
