import { Module } from '@nestjs/common';
import { ConfigurableModuleClass } from './opentelemetry.module-definition.js';
import { type OpenTelemetryOptions } from './opentelemetry.options.js';
import { RunMeters } from './run-meters.js';
import { RunSpans } from './run-spans.js';

/**
 * A span for each run, and metrics of all workers, by the API of OpenTelemetry: the application's SDK exports them;
 * without an SDK they are dropped. Import it once, beside `WorkerModule.forRoot()`.
 */
@Module({ providers: [RunSpans, RunMeters] })
export class OpenTelemetryModule extends ConfigurableModuleClass {
  static override forRoot(options: OpenTelemetryOptions = {}) {
    return super.forRoot(options);
  }
}
