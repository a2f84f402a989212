import { type MeterProvider, type TracerProvider } from '@opentelemetry/api';

/** Options of `OpenTelemetryModule.forRoot`. */
export interface OpenTelemetryOptions {
  /** Default: the provider that the application's SDK has registered, or one that does nothing. */
  tracerProvider?: TracerProvider | undefined;
  /** Default: the provider that the SDK has registered before the application starts, or one that does nothing. */
  meterProvider?: MeterProvider | undefined;
}
