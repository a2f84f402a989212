import { Module, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { HTTP_ACCESS } from '../http/access.js';
import { keepApartFromNamed } from '../http/global-interceptors.js';
import { ConfigurableModuleClass, DASHBOARD_OPTIONS } from './dashboard.options.js';
import { LiveFeed } from './live/live-feed.js';
import { PageAssets } from './page/page-assets.js';

/**
 * Shows the workers: as JSON under `/workers`, where whoever has the token triggers them, and as a page under
 * `/dashboard`, with the tabs that the application's controllers bring (`@DashboardTab`).
 */
@Module({
  imports: [DiscoveryModule],
  providers: [LiveFeed, PageAssets, { provide: HTTP_ACCESS, useExisting: DASHBOARD_OPTIONS }],
})
export class WorkerDashboardModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {
    super();
  }

  onModuleInit(): void {
    keepApartFromNamed(this.modules);
  }
}
