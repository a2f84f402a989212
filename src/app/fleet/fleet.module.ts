import { type DynamicModule, Module } from '@nestjs/common';
import { DatabaseModule } from '../../modules/schema/database.module.js';
import { DatacentersModule } from '../../modules/datacenters/datacenters.module.js';
import { EventsModule } from '../../modules/events/events.module.js';
import { InstancesModule } from '../../modules/instances/instances.module.js';
import { ProcessProviderModule } from '../../modules/providers/process/process-provider.module.js';
import { ProvidersModule } from '../../modules/providers/providers.module.js';
import { TenantsModule } from '../../modules/tenants/tenants.module.js';
import { WorkloadsModule } from '../../modules/workloads/workloads.module.js';
import { FleetChecks } from './fleet-checks.js';
import { FleetComparison } from './fleet-comparison.js';
import { FleetService } from './fleet.service.js';

export interface FleetModuleOptions {
  databaseUrl: string;
  instancesDirectory: string;
  /** As whom instances are started. What runs already is found and ended either way. */
  users: 'own' | 'same';
}

/** What it takes to bring a fleet up or down: the domain on a database, with processes as instances. No workers. */
@Module({})
export class FleetModule {
  static forRoot(options: FleetModuleOptions): DynamicModule {
    return {
      module: FleetModule,
      imports: [
        DatabaseModule.forRoot({ url: options.databaseUrl }),
        ProcessProviderModule.forRoot({ directory: options.instancesDirectory, users: options.users }),
        EventsModule,
        ProvidersModule,
        TenantsModule,
        DatacentersModule,
        WorkloadsModule,
        InstancesModule,
      ],
      providers: [FleetService, FleetComparison, FleetChecks],
      exports: [FleetService, FleetComparison],
    };
  }
}
