import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { WorkerModule } from 'ctrlplane-workers';
import { WorkerDashboardModule } from 'ctrlplane-workers/dashboard';
import { WorkerHealthModule } from 'ctrlplane-workers/terminus';
import { Audit, EnhancedWorker, RefuseAll, SwallowAll } from './enhanced.worker.js';
import { Greeter } from './greeter.worker.js';
import { HealthController } from './health.controller.js';
import { Legacy } from './legacy.handlers.js';
import { Journal } from './journal.js';
import { PerRun, ScopedWorker } from './scoped.worker.js';
import { Vital } from './vital.worker.js';

export const TOKEN = 'a-token-of-the-test';

@Module({
  imports: [
    WorkerModule.forRoot({ drain: { timeout: '5s', abortGrace: '1s' } }),
    WorkerDashboardModule.forRoot({ token: TOKEN }),
    TerminusModule.forRoot({ logger: false }),
    WorkerHealthModule,
  ],
  controllers: [HealthController],
  providers: [Journal, Greeter, Legacy, Audit, EnhancedWorker, PerRun, ScopedWorker, Vital],
})
export class AppModule {}

/** The same with what an application's HTTP side brings, which is not for its workers. */
@Module({
  imports: [AppModule],
  providers: [
    { provide: APP_GUARD, useClass: RefuseAll },
    { provide: APP_FILTER, useClass: SwallowAll },
  ],
})
export class GuardedAppModule {}
