import { Module, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { keepApartFromNamed } from '../../http/global-interceptors.js';
import { DeliveriesController } from './deliveries.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { SilencesController } from './silences.controller.js';

/** Incidents, silences and deliveries over HTTP. Beside `IncidentsModule`. Who may: `HttpAccessModule`. */
// Those with more in their path first: `/incidents/:id` would take it for an id.
@Module({ controllers: [SilencesController, DeliveriesController, IncidentsController] })
export class IncidentsHttpModule implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  onModuleInit(): void {
    keepApartFromNamed(this.modules);
  }
}
