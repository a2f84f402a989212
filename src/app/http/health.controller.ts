import { Controller, Get } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { WorkerHealthIndicator } from '../../core/terminus/worker-health.indicator.js';
import { BrakesIndicator } from './brakes.indicator.js';

/**
 * Whether this process is of use. A database that is away shows as a degraded history, not as down; so does what the
 * garbage collector holds back until somebody confirms it.
 */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly workers: WorkerHealthIndicator,
    private readonly brakes: BrakesIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.workers.isHealthy('workers'),
      () => this.brakes.isHealthy('garbage_collector'),
    ]);
  }
}
