import { Module } from '@nestjs/common';
import { InstancesModule } from '../instances/instances.module.js';
import { FederationController } from './federation.controller.js';
import { FleetUsage } from './fleet-usage.js';
import { InstanceMetricsController } from './instance-metrics.controller.js';
import { UsageController } from './usage.controller.js';

/** Telemetry over HTTP. Needs the (global) `TelemetryModule`. Who may see it: `HttpAccessModule`. */
@Module({
  imports: [InstancesModule],
  providers: [FleetUsage],
  controllers: [InstanceMetricsController, UsageController, FederationController],
})
export class TelemetryHttpModule {}
