import { Module } from '@nestjs/common';
import { ConfigurableModuleClass } from './opentelemetry.module-definition.js';
import { type OpenTelemetryOptions } from './opentelemetry.options.js';
import { RunMeters } from './run-meters.js';
import { RunSpans } from './run-spans.js';

/**
 * A span for each run, and metrics of all workers, by the API of OpenTelemetry: they go wherever the SDK of the application sends
 * them, and nowhere without one. Import it once, beside `WorkerModule.forRoot()`.
 */
@Module({ providers: [RunSpans, RunMeters] })
export class OpenTelemetryModule extends ConfigurableModuleClass {
  static override forRoot(options: OpenTelemetryOptions = {}) {
    return super.forRoot(options);
  }
}
