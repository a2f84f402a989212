import { type DynamicModule, Module } from '@nestjs/common';
import { AuthModule } from '../../auth/auth.module.js';
import { EventsModule } from '../../events/events.module.js';
import { ProvidersModule } from '../../providers/providers.module.js';
import { TelemetryModule } from '../../telemetry/telemetry.module.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  type OPTIONS_TYPE,
  TELEMETRY_COLLECTOR_OPTIONS,
  type TelemetryCollectorExtras,
  type TelemetryCollectorOptions,
} from './telemetry-collector.options.js';
import { ScrapeTargets } from './scrape-targets.js';
import { TelemetryCollectorWorker } from './telemetry-collector.worker.js';
import { TelemetryKeeper } from './telemetry-keeper.worker.js';

/**
 * The workers `telemetry_collector`, `telemetry_rollups` and `telemetry_retention`, and `TelemetryService` everywhere. Needs
 * `WorkerModule` to run them, and the `DatabaseModule` unless it is given another store.
 */
@Module({})
export class TelemetryCollectorModule extends ConfigurableModuleClass {
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    const { store, ...rest } = options;
    return withTelemetry(super.forRoot(rest), store);
  }

  static override forRootAsync({ store, ...options }: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return withTelemetry(super.forRootAsync(options), store);
  }
}

function withTelemetry(own: DynamicModule, store: TelemetryCollectorExtras['store']): DynamicModule {
  // The options, once for the worker and what keeps telemetry.
  const options: DynamicModule = {
    module: class TelemetryCollectorOptionsModule {},
    imports: own.imports,
    providers: own.providers,
    exports: [TELEMETRY_COLLECTOR_OPTIONS],
  };
  // Without the control plane's database there are neither its events nor its providers.
  const controlPlane = store === undefined ? [EventsModule, ProvidersModule] : [];
  return {
    module: TelemetryCollectorModule,
    imports: [
      options,
      AuthModule,
      ...controlPlane,
      TelemetryModule.forRootAsync({
        imports: [options, ...controlPlane],
        inject: [TELEMETRY_COLLECTOR_OPTIONS],
        useFactory: ({ retention, limits, maxBuffered }: TelemetryCollectorOptions) => ({
          ...(retention !== undefined && { retention }),
          ...(limits !== undefined && { limits }),
          ...(maxBuffered !== undefined && { maxBuffered }),
        }),
        store,
      }),
    ],
    providers: [TelemetryCollectorWorker, TelemetryKeeper, ...(store === undefined ? [ScrapeTargets] : [])],
    exports: [TelemetryCollectorWorker],
  };
}
