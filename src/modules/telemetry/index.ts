export { InMemoryTelemetryStore } from './in-memory-telemetry.store.js';
export {
  type CollectedSample,
  type MetricCollector,
  type MetricCollectorOptions,
} from './metric-collector.js';
export {
  type MetricLabels,
  type MetricSample,
  type MetricSeries,
  type SeriesIdentity,
  seriesKey,
  type SeriesKind,
  type StoredSample,
} from './metric.js';
export { PostgresTelemetryStore } from './postgres-telemetry.store.js';
export { RESOURCE_METRICS, type ResourceMetric, type ResourceSnapshot } from './resource-metrics.js';
export { type PushResult } from './sample-intake.js';
export { TelemetryCollector } from './telemetry-collector.decorator.js';
export { TelemetryHttpModule } from './telemetry-http.module.js';
export { type TelemetryLimits, type TelemetryOptions } from './telemetry.options.js';
export {
  type MetricPoint,
  type MetricQuery,
  type MetricResult,
  type ResourceWindow,
  type TelemetryDashboard,
  TelemetryService,
} from './telemetry.service.js';
export { type TelemetryCounts, TelemetryStore, type TimeRange } from './telemetry.store.js';
export { type Aggregation, type WindowStatistics } from './window-statistics.js';
