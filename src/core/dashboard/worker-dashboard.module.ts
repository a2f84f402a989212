import { Module } from '@nestjs/common';
import { HTTP_ACCESS } from '../http/access.js';
import { ConfigurableModuleClass, DASHBOARD_OPTIONS } from './dashboard.options.js';
import { WorkersController } from './workers.controller.js';

/** Shows the workers under `/workers`, and lets whoever has the token trigger them. */
@Module({
  controllers: [WorkersController],
  providers: [{ provide: HTTP_ACCESS, useExisting: DASHBOARD_OPTIONS }],
})
export class WorkerDashboardModule extends ConfigurableModuleClass {}
