import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { DataSource } from 'typeorm';
import { EventsModule } from '../events/events.module.js';
import { InstancesModule } from '../instances/instances.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { EventBusHealthEvents } from './event-bus-health-events.js';
import { ForgottenChecks } from './forgotten-checks.js';
import { HealthCheckRepository } from './health-check.repository.js';
import { HealthCheckers } from './health-checkers.js';
import { HealthEvents } from './health-events.js';
import { HealthHistoryRepository } from './health-history.repository.js';
import { HealthReadiness } from './health-readiness.js';
import { HEALTH_OPTIONS, type HealthOptions, policyOf, resolverOf } from './health-module.options.js';
import { HealthService } from './health.service.js';
import { InMemoryHealthCheckRepository } from './in-memory/in-memory-health-check.repository.js';
import { InMemoryHealthEvents } from './in-memory/in-memory-health-events.js';
import { InMemoryHealthHistoryRepository } from './in-memory/in-memory-health-history.repository.js';
import { InMemoryMaintenanceRepository } from './in-memory/in-memory-maintenance.repository.js';
import { InstanceAccess } from './instance-access.js';
import { MaintenanceRepository } from './maintenance.repository.js';
import { PostgresHealthCheckRepository } from './postgres-health-check.repository.js';
import { PostgresHealthHistoryRepository } from './postgres-health-history.repository.js';
import { PostgresMaintenanceRepository } from './postgres-maintenance.repository.js';
import { HEALTH_PROBES, Probes } from './probes/probes.js';
import { ServiceInstanceAccess } from './service-instance-access.js';

/**
 * Health checks: the `HealthService`, its stores, and what carries probes out. `HealthRunnerModule` brings it with it
 * and runs the checks.
 */
@Module({})
export class HealthModule {
  /** The same options object is the same module, wherever it is imported. */
  static forRoot(options: HealthOptions = {}): DynamicModule {
    const { store = 'postgres' } = options;
    const { instances = store === 'postgres' } = options;
    return {
      module: HealthModule,
      global: true,
      imports: [
        DiscoveryModule,
        ...(store === 'postgres' ? [EventsModule] : []),
        ...(typeof store === 'object' ? (store.imports ?? []) : []),
        ...(instances ? [InstancesModule, ProvidersModule] : []),
      ],
      providers: [
        { provide: HEALTH_OPTIONS, useValue: options },
        HealthCheckers,
        HealthService,
        ...storesOf(store),
        ...(instances
          ? [{ provide: InstanceAccess, useClass: ServiceInstanceAccess }, ForgottenChecks, HealthReadiness]
          : []),
        {
          provide: HEALTH_PROBES,
          inject: [HealthCheckers, HealthCheckRepository, { token: InstanceAccess, optional: true }],
          useFactory: (checkers: HealthCheckers, checks: HealthCheckRepository, access?: InstanceAccess) =>
            new Probes({
              policy: policyOf(options),
              resolve: resolverOf(options),
              checkers,
              instances: access,
              pushState: ({ id }) => checks.pushState(id),
            }),
        },
      ],
      exports: [
        HealthService,
        HealthCheckers,
        HealthEvents,
        HealthCheckRepository,
        HealthHistoryRepository,
        MaintenanceRepository,
        HEALTH_PROBES,
        ...(instances ? [InstanceAccess] : []),
      ],
    };
  }
}

const POSTGRES: Provider[] = [
  { provide: HealthCheckRepository, useClass: PostgresHealthCheckRepository },
  {
    provide: HealthHistoryRepository,
    inject: [DataSource, HEALTH_OPTIONS],
    useFactory: (dataSource: DataSource, { history }: HealthOptions) =>
      new PostgresHealthHistoryRepository(dataSource, history),
  },
  { provide: MaintenanceRepository, useClass: PostgresMaintenanceRepository },
  { provide: HealthEvents, useClass: EventBusHealthEvents },
];

const MEMORY: Provider[] = [
  { provide: HealthCheckRepository, useFactory: () => new InMemoryHealthCheckRepository() },
  { provide: HealthHistoryRepository, useClass: InMemoryHealthHistoryRepository },
  { provide: MaintenanceRepository, useClass: InMemoryMaintenanceRepository },
  { provide: HealthEvents, useClass: InMemoryHealthEvents },
];

function storesOf(store: NonNullable<HealthOptions['store']>): Provider[] {
  if (store === 'postgres') return POSTGRES;
  if (store === 'memory') return MEMORY;
  return [
    given(HealthCheckRepository, store.checks),
    given(HealthHistoryRepository, store.history),
    given(MaintenanceRepository, store.maintenance),
    given(HealthEvents, store.events ?? InMemoryHealthEvents),
  ];
}

function given<T>(provide: abstract new (...args: never[]) => T, store: Type<T> | T): Provider {
  if (typeof store === 'function') return { provide, useClass: store as Type<T> };
  return { provide, useValue: store };
}
