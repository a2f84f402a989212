import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { DatabaseModule } from '../../modules/schema/database.module.js';
import { type DockerProviderOptions } from '../../modules/providers/docker/docker-provider.options.js';
import { DockerProviderModule } from '../../modules/providers/docker/docker-provider.module.js';
import { DatacentersModule } from '../../modules/datacenters/datacenters.module.js';
import { EventsModule } from '../../modules/events/events.module.js';
import { InstancesModule } from '../../modules/instances/instances.module.js';
import { ProcessProviderModule } from '../../modules/providers/process/process-provider.module.js';
import { ProviderRegistry } from '../../modules/providers/provider.registry.js';
import { ProvidersModule } from '../../modules/providers/providers.module.js';
import { TenantsModule } from '../../modules/tenants/tenants.module.js';
import { WorkloadsModule } from '../../modules/workloads/workloads.module.js';
import { FleetChecks } from './fleet-checks.js';
import { FleetComparison } from './fleet-comparison.js';
import { type ProviderName } from './fleet-program.js';
import { FleetService } from './fleet.service.js';

const DEFAULT_PROVIDER = Symbol('DEFAULT_PROVIDER');

export interface FleetModuleOptions {
  databaseUrl: string;
  instancesDirectory: string;
  /** As whom instances are started. What runs already is found and ended either way. */
  users: 'own' | 'same';
  /** How containers are run. Absent: none are. */
  containers?: DockerProviderOptions | undefined;
  /** Who runs what says nothing of it. Default `process`. */
  defaultProvider?: ProviderName;
}

/** What it takes to bring a fleet up or down: the domain on a database, with processes and containers as instances. No workers. */
@Module({})
export class FleetModule implements OnModuleInit {
  constructor(
    private readonly providers: ProviderRegistry,
    @Inject(DEFAULT_PROVIDER) private readonly defaultProvider: ProviderName,
  ) {}

  onModuleInit(): void {
    this.providers.setDefault(this.defaultProvider);
  }

  static forRoot(options: FleetModuleOptions): DynamicModule {
    return {
      module: FleetModule,
      imports: [
        DatabaseModule.forRoot({ url: options.databaseUrl }),
        ProcessProviderModule.forRoot({ directory: options.instancesDirectory, users: options.users }),
        ...(options.containers ? [DockerProviderModule.forRoot(options.containers)] : []),
        EventsModule,
        ProvidersModule,
        TenantsModule,
        DatacentersModule,
        WorkloadsModule,
        InstancesModule,
      ],
      providers: [
        { provide: DEFAULT_PROVIDER, useValue: options.defaultProvider ?? 'process' },
        FleetService,
        FleetComparison,
        FleetChecks,
      ],
      exports: [FleetService, FleetComparison],
    };
  }
}
