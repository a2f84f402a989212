/** The files of a health check that asks the workers, by their names in their folder. */
export function healthSources({ esm }: { esm: boolean }): Record<string, string> {
  return {
    'health.controller.ts': `import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService } from '@nestjs/terminus';
import { WorkerHealthIndicator } from 'ctrlplane-workers/terminus';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly workers: WorkerHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.workers.isHealthy('workers')]);
  }
}
`,
    'health.module.ts': `import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { WorkerHealthModule } from 'ctrlplane-workers/terminus';
import { HealthController } from './health.controller${esm ? '.js' : ''}';

@Module({
  imports: [TerminusModule, WorkerHealthModule],
  controllers: [HealthController],
})
export class HealthModule {}
`,
  };
}
