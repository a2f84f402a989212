import { Module } from '@nestjs/common';
import { InstancePipe } from './instance.pipe.js';
import { InstanceHealthController } from './instance-health.controller.js';

/** Shows the health of instances under `/instances/:id`. Needs the `HealthModule`; who may see it: `HttpAccessModule`. */
@Module({ controllers: [InstanceHealthController], providers: [InstancePipe] })
export class HealthHttpModule {}
