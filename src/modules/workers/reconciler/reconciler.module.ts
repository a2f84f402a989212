import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { AuthModule } from '../../auth/auth.module.js';
import { BrakesModule } from '../../brakes/brakes.module.js';
import { TenantStoreModule } from '../../tenants/tenant-store.module.js';
import { BootstrapModule } from '../../bootstrap/bootstrap.module.js';
import { DatacentersModule } from '../../datacenters/datacenters.module.js';
import { EventsModule } from '../../events/events.module.js';
import { InstancesModule } from '../../instances/instances.module.js';
import { ProvidersModule } from '../../providers/providers.module.js';
import { WorkloadsModule } from '../../workloads/workloads.module.js';
import { DriftRepository } from './drift.repository.js';
import { InstanceDriftWorker } from './instance-drift.worker.js';
import { PostgresDriftRepository } from './postgres-drift.repository.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  type OPTIONS_TYPE,
  type ReconcilerExtras,
} from './reconciler.options.js';
import { ReconcilerPreview } from './reconciler-preview.js';
import { ReconcilerStatus } from './reconciler-status.js';
import { ReconcilerWake } from './reconciler-wake.js';
import { Reconciler } from './reconciler.worker.js';
import { StoreNudges } from './store-nudges.js';
import { StoreRetries } from './store-retries.js';
import { RowAdoption } from './row-adoption.js';
import { StoreOrphans } from '../../store-orphans/store-orphans.js';
import { StorePass } from './store-pass.js';

/**
 * The workers `instance_drift` and `reconciler`: what should run, runs. Needs the `DatabaseModule`, a provider, and
 * `WorkerModule` to run them.
 */
@Global()
@Module({
  imports: [
    AuthModule,
    BrakesModule,
    EventsModule,
    ProvidersModule,
    InstancesModule,
    WorkloadsModule,
    DatacentersModule,
    BootstrapModule,
    TenantStoreModule,
  ],
  providers: [
    InstanceDriftWorker,
    Reconciler,
    ReconcilerPreview,
    ReconcilerStatus,
    ReconcilerWake,
    RowAdoption,
    StoreOrphans,
    StorePass,
    StoreNudges,
    StoreRetries,
  ],
  exports: [DriftRepository, ReconcilerPreview, ReconcilerStatus],
})
export class ReconcilerModule extends ConfigurableModuleClass {
  static override forRoot({ store, ...options }: typeof OPTIONS_TYPE = {}): DynamicModule {
    return withStore(super.forRoot(options), store);
  }

  static override forRootAsync({ store, ...options }: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return withStore(super.forRootAsync(options), store);
  }
}

function withStore(
  { providers = [], ...own }: DynamicModule,
  store: ReconcilerExtras['store'] = PostgresDriftRepository,
): DynamicModule {
  const drift: Provider =
    typeof store === 'function'
      ? { provide: DriftRepository, useClass: store }
      : { provide: DriftRepository, useValue: store };
  return { ...own, providers: [...providers, drift] };
}
