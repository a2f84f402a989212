import { type InstanceId, type TenantId } from '../ids/typed-id.js';

/**
 * How a column of the resource snapshots behaves in time. `gauge`: goes up and down. `counter`: grows until what it
 * counts starts anew. `state`: a setting, of which only the last value means anything.
 */
export type MetricKind = 'gauge' | 'counter' | 'state';

/** What is read of an instance. Names end with their unit. */
export const RESOURCE_METRICS = {
  /** Percent of one core since the reading before, so 2 busy cores are 200. */
  cpuPercent: { column: 'cpu_percent', kind: 'gauge', type: 'real' },
  /** Time on a core, user and system, of the whole process group. */
  cpuSeconds: { column: 'cpu_seconds', kind: 'counter', type: 'double precision' },
  cpuThrottledSeconds: { column: 'cpu_throttled_seconds', kind: 'counter', type: 'double precision' },
  cpuLimitCores: { column: 'cpu_limit_cores', kind: 'state', type: 'real' },
  /** Memory that cannot be had back by dropping file caches. */
  memoryWorkingSetBytes: { column: 'memory_working_set_bytes', kind: 'gauge', type: 'bigint' },
  memoryLimitBytes: { column: 'memory_limit_bytes', kind: 'state', type: 'bigint' },
  ioReadBytes: { column: 'io_read_bytes', kind: 'counter', type: 'bigint' },
  ioWriteBytes: { column: 'io_write_bytes', kind: 'counter', type: 'bigint' },
  networkReceiveBytes: { column: 'network_receive_bytes', kind: 'counter', type: 'bigint' },
  networkTransmitBytes: { column: 'network_transmit_bytes', kind: 'counter', type: 'bigint' },
  oomKills: { column: 'oom_kills', kind: 'counter', type: 'integer' },
  processes: { column: 'processes', kind: 'gauge', type: 'integer' },
} as const satisfies Record<string, { column: string; kind: MetricKind; type: string }>;

export type ResourceMetric = keyof typeof RESOURCE_METRICS;

export const RESOURCE_METRIC_NAMES = Object.keys(RESOURCE_METRICS) as ResourceMetric[];

/** One reading of one instance. `null`: not available there. */
export type ResourceSnapshot = {
  tenantId: TenantId;
  instanceId: InstanceId;
  at: Date;
  /** Since when its counters count; null when that is not known. */
  startedAt: Date | null;
} & Record<ResourceMetric, number | null>;
