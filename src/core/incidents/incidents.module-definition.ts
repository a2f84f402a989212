import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type IncidentsOptions } from './incidents.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: INCIDENTS_OPTIONS } =
  new ConfigurableModuleBuilder<IncidentsOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/incidents-options'),
  })
    .setClassMethodName('forRoot')
    .build();

/** `IncidentRules` of the application. */
export const INCIDENT_RULES = Symbol('incident rules');
