import { Module } from '@nestjs/common';
import { BrakesController } from './brakes.controller.js';
import { PassBrakesController } from './pass-brakes.controller.js';

/** Shows and decides brakes under `/gc/brakes`, and those of the other passes under `/gc/pass-brakes`. Beside `GarbageCollectorModule`. Who may: `HttpAccessModule`. */
@Module({ controllers: [BrakesController, PassBrakesController] })
export class BrakesHttpModule {}
