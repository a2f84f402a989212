export { TelemetryCollectorModule } from './telemetry-collector.module.js';
export { type TelemetryCollectorOptions } from './telemetry-collector.options.js';
export { TelemetryCollectorWorker } from './telemetry-collector.worker.js';
