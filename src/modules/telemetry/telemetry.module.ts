import { type DynamicModule, Global, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { MetricCollectorRegistry } from './metric-collector.registry.js';
import { PostgresTelemetryStore } from './postgres-telemetry.store.js';
import { checkTelemetryOptions, TELEMETRY_OPTIONS, type TelemetryOptions } from './telemetry.options.js';
import { TelemetryService } from './telemetry.service.js';
import { TelemetryStore } from './telemetry.store.js';

/** What `TelemetryModule` is made of. */
export interface TelemetryModuleSetup extends Pick<ModuleMetadata, 'imports'> {
  /** Gives the options. */
  inject?: unknown[];
  useFactory: (...injected: never[]) => TelemetryOptions | Promise<TelemetryOptions>;
  /** Default `PostgresTelemetryStore`, which needs the `DatabaseModule`. */
  store?: Type<TelemetryStore> | TelemetryStore;
}

/** Keeps telemetry, and answers queries: `TelemetryService`, everywhere. `TelemetryCollectorModule` brings it along. */
@Global()
@Module({})
export class TelemetryModule {
  static forRoot(options: TelemetryOptions = {}): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory, store }: TelemetryModuleSetup): DynamicModule {
    return {
      module: TelemetryModule,
      imports: [DiscoveryModule, ...imports],
      providers: [
        {
          provide: TELEMETRY_OPTIONS,
          inject: inject as never[],
          useFactory: async (...injected: never[]) => checkTelemetryOptions(await useFactory(...injected)),
        },
        typeof store === 'object'
          ? { provide: TelemetryStore, useValue: store }
          : { provide: TelemetryStore, useClass: store ?? PostgresTelemetryStore },
        MetricCollectorRegistry,
        TelemetryService,
      ],
      exports: [TelemetryService, TelemetryStore, MetricCollectorRegistry, TELEMETRY_OPTIONS],
    };
  }
}
