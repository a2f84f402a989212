import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { WorkerHealthIndicator } from './worker-health.indicator.js';

/** Import it where your health controller is, beside `WorkerModule.forRoot()` in the application. */
@Module({
  imports: [TerminusModule],
  providers: [WorkerHealthIndicator],
  exports: [WorkerHealthIndicator],
})
export class WorkerHealthModule {}
