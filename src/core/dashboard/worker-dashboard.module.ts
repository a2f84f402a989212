import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HTTP_ACCESS } from '../http/access.js';
import { ConfigurableModuleClass, DASHBOARD_OPTIONS } from './dashboard.options.js';
import { PageAssets } from './page/page-assets.js';
import { PageController } from './page/page.controller.js';
import { RunsController } from './runs.controller.js';
import { TabsController } from './tabs.controller.js';
import { WorkersController } from './workers.controller.js';

/**
 * Shows the workers: as JSON under `/workers`, where whoever has the token triggers them, and as a page under
 * `/dashboard`, with the tabs that the application's controllers bring (`@DashboardTab`).
 */
@Module({
  imports: [DiscoveryModule],
  controllers: [WorkersController, RunsController, TabsController, PageController],
  providers: [PageAssets, { provide: HTTP_ACCESS, useExisting: DASHBOARD_OPTIONS }],
})
export class WorkerDashboardModule extends ConfigurableModuleClass {}
