import { Module } from '@nestjs/common';
import { ConfigurableModuleClass } from './dashboard.options.js';
import { DashboardGuard } from './dashboard.guard.js';
import { WorkersController } from './workers.controller.js';

/** Shows the workers under `/workers`, and lets whoever has the token trigger them. */
@Module({ controllers: [WorkersController], providers: [DashboardGuard] })
export class WorkerDashboardModule extends ConfigurableModuleClass {}
