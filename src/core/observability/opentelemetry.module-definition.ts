import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type OpenTelemetryOptions } from './opentelemetry.options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: OPENTELEMETRY_OPTIONS } =
  new ConfigurableModuleBuilder<OpenTelemetryOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/opentelemetry-options'),
  })
    .setClassMethodName('forRoot')
    .build();
