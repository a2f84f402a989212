import { RESOURCE_METRICS } from './resource-metrics.js';
import { type PointTable } from './rollup.statements.js';

/** Readings of instances: all values of an instance and instant in one row. */
export const RESOURCES: PointTable = {
  raw: 'resource_snapshots',
  minutes: 'resource_rollups_1m',
  hours: 'resource_rollups_1h',
  key: 'source_id',
  columns: Object.values(RESOURCE_METRICS).map(({ column: name, kind, type }) => ({ name, kind, type })),
};

/** Samples of all other metrics: a row for each value. */
export const SAMPLES: PointTable = {
  raw: 'metric_samples',
  minutes: 'metric_rollups_1m',
  hours: 'metric_rollups_1h',
  key: 'series_id',
  columns: [{ name: 'value', kind: 'both', type: 'double precision' }],
};

export const POINT_TABLES = [RESOURCES, SAMPLES];
