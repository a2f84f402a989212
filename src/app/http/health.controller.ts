import { Controller, Get } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { WorkerHealthIndicator } from '../../core/terminus/worker-health.indicator.js';
import { BrakesIndicator } from './brakes.indicator.js';
import { EmbeddedDatabaseIndicator } from './embedded-database.indicator.js';
import { InstancesIndicator } from './instances.indicator.js';

/**
 * Whether this process is of use. A database of the user's own that is away shows as a degraded history, not as down;
 * the embedded one is a part of this app. What the garbage collector holds back until somebody confirms it, and
 * instances that should run and do not, are degraded.
 */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly workers: WorkerHealthIndicator,
    private readonly brakes: BrakesIndicator,
    private readonly instances: InstancesIndicator,
    private readonly database: EmbeddedDatabaseIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.workers.isHealthy('workers'),
      () => this.brakes.isHealthy('garbage_collector'),
      () => this.instances.isHealthy('instances'),
      () => this.database.isHealthy('embedded_database'),
    ]);
  }
}
