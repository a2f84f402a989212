export { OpenTelemetryModule } from './opentelemetry.module.js';
export { type OpenTelemetryOptions } from './opentelemetry.options.js';
