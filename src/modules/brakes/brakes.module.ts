import { Global, Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { EventsModule } from '../events/events.module.js';
import { BrakeRepository } from './brake.repository.js';
import { GarbageCollectorBrakes } from './brakes.service.js';
import { Braking } from './braking.js';
import { PassBrakes } from './pass-brakes.js';
import { GarbageCollectorPassBrakes } from './pass-brakes.service.js';
import { TypeOrmBrakeRepository } from './typeorm-brake.repository.js';

/** The brakes of all workers that delete what looks orphaned. Global, so that what shows them can be put in by another module. */
@Global()
@Module({
  imports: [AuthModule, EventsModule],
  providers: [
    Braking,
    GarbageCollectorBrakes,
    PassBrakes,
    GarbageCollectorPassBrakes,
    { provide: BrakeRepository, useClass: TypeOrmBrakeRepository },
  ],
  exports: [Braking, BrakeRepository, GarbageCollectorBrakes, PassBrakes, GarbageCollectorPassBrakes],
})
export class BrakesModule {}
