import { Module } from '@nestjs/common';
import { EventsModule } from '../events/events.module.js';
import { ProvidersModule } from '../providers/providers.module.js';
import { InstanceConvergence } from './instance-convergence.js';
import { InstanceEvents } from './instance-events.js';
import { InstanceRepository } from './instance.repository.js';
import { InstancesService } from './instances.service.js';
import { LostInstances } from './lost-instances.js';
import { InstanceReadiness } from './readiness.js';
import { TypeOrmInstanceRepository } from './typeorm-instance.repository.js';

/** Provides the `InstancesService` and the `InstanceRepository`. Needs the `DatabaseModule`. */
@Module({
  imports: [EventsModule, ProvidersModule],
  providers: [
    InstancesService,
    InstanceConvergence,
    InstanceEvents,
    InstanceReadiness,
    LostInstances,
    { provide: InstanceRepository, useClass: TypeOrmInstanceRepository },
  ],
  exports: [
    InstancesService,
    InstanceConvergence,
    InstanceEvents,
    InstanceReadiness,
    InstanceRepository,
    LostInstances,
  ],
})
export class InstancesModule {}
