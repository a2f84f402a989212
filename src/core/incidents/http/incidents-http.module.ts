import { Module, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { keepApartFromNamed } from '../../http/global-interceptors.js';
import { DeliveriesController } from './deliveries.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { SilencesController } from './silences.controller.js';

/** Incidents, silences and deliveries over HTTP. Import it beside `IncidentsModule`; for access see `HttpAccessModule`. */
// Controllers with longer paths first: `/incidents/:id` would take the rest for an id.
@Module({ controllers: [SilencesController, DeliveriesController, IncidentsController] })
export class IncidentsHttpModule implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  onModuleInit(): void {
    keepApartFromNamed(this.modules);
  }
}
