import { Module } from '@nestjs/common';
import { InstanceHealthController } from './instance-health.controller.js';

/** Shows the health of instances under `/instances/:id`. Needs the `HealthModule`; who may see it: `HttpAccessModule`. */
@Module({ controllers: [InstanceHealthController] })
export class HealthHttpModule {}
