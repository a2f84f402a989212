import { Module, type NestModule, type OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { HTTP_ACCESS } from '../http/access.js';
import { pathOf } from '../http/controller-path.js';
import { keepApartFromNamed } from '../http/global-interceptors.js';
import { ConfigurableModuleClass, DASHBOARD_OPTIONS } from './dashboard.options.js';
import { LiveFeed } from './live/live-feed.js';
import { PageAssets } from './page/page-assets.js';
import { PageController } from './page/page.controller.js';
import { takeTrailingSlash } from './page/trailing-slash.js';

/**
 * Shows the workers: as JSON under `/workers`, where requests with the token can trigger them, and as a page under
 * `/dashboard`, with the tabs of the application's controllers (`@DashboardTab`).
 */
@Module({
  imports: [DiscoveryModule],
  providers: [LiveFeed, PageAssets, { provide: HTTP_ACCESS, useExisting: DASHBOARD_OPTIONS }],
})
export class WorkerDashboardModule extends ConfigurableModuleClass implements NestModule, OnModuleInit {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly discovery: DiscoveryService,
    private readonly host: HttpAdapterHost,
  ) {
    super();
  }

  /** Before any route is registered. */
  configure(): void {
    const page = this.discovery
      .getControllers()
      .find(({ metatype }) => metatype === PageController || metatype?.prototype instanceof PageController);
    if (page?.metatype) takeTrailingSlash(this.host.httpAdapter, pathOf(page.metatype));
  }

  onModuleInit(): void {
    keepApartFromNamed(this.modules);
  }
}
