import { Module } from '@nestjs/common';
import { BrakesController } from './brakes.controller.js';

/** Shows and decides brakes under `/gc/brakes`. Beside `GarbageCollectorModule`. Who may: `HttpAccessModule`. */
@Module({ controllers: [BrakesController] })
export class BrakesHttpModule {}
