import { type TableColumn } from '../database/postgres-table.sink.js';
import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type KeyedPoint } from './point.sink.js';
import { RESOURCE_METRIC_NAMES, RESOURCE_METRICS, type ResourceSnapshot } from './resource-metrics.js';

/** A row of `resource_snapshots`, with whose it is; numbers as `float8`, instants in milliseconds. */
export type SnapshotRow = {
  tenant_id: TenantId;
  instance_id: InstanceId;
  at: number;
  started_at: number | null;
} & Record<string, number | null>;

const COLUMNS = RESOURCE_METRIC_NAMES.map((metric) => RESOURCE_METRICS[metric].column);

/** Columns and values of a reading, but for the number of its source. */
export function snapshotColumns(): TableColumn<KeyedPoint<ResourceSnapshot>>[] {
  return [
    { name: 'at', type: 'timestamptz', value: ({ point }) => point.at },
    { name: 'started_at', type: 'timestamptz', value: ({ point }) => point.startedAt },
    ...RESOURCE_METRIC_NAMES.map((metric): TableColumn<KeyedPoint<ResourceSnapshot>> => {
      const { column, type } = RESOURCE_METRICS[metric];
      const whole = type === 'bigint' || type === 'integer';
      return {
        name: column,
        type,
        value: ({ point }) => {
          const value = point[metric];
          return whole && value !== null ? Math.round(value) : value;
        },
      };
    }),
  ];
}

export function toSnapshot(row: SnapshotRow): ResourceSnapshot {
  const values = RESOURCE_METRIC_NAMES.map((metric) => [metric, row[RESOURCE_METRICS[metric].column]!]);
  return {
    tenantId: row.tenant_id,
    instanceId: row.instance_id,
    at: new Date(row.at),
    startedAt: row.started_at === null ? null : new Date(row.started_at),
    ...(Object.fromEntries(values) as Record<keyof typeof RESOURCE_METRICS, number | null>),
  };
}

/** The latest reading of each instance: one look into the index for each. */
export function latestResourcesStatement(query: {
  tenantId?: TenantId;
  instanceIds?: readonly InstanceId[];
  since: Date;
  after?: InstanceId;
  limit: number;
}): { sql: string; values: unknown[] } {
  const { tenantId = null, instanceIds = null, since, after = null, limit } = query;
  return {
    sql: `
      SELECT source.tenant_id, source.instance_id, (extract(epoch FROM latest.at) * 1000)::float8 AS at,
             (extract(epoch FROM latest.started_at) * 1000)::float8 AS started_at,
             ${COLUMNS.map((column) => `latest.${column}::float8`).join(', ')}
        FROM telemetry_sources AS source
        CROSS JOIN LATERAL (
          SELECT * FROM resource_snapshots AS s WHERE s.source_id = source.id AND s.at >= $3 ORDER BY s.at DESC LIMIT 1
        ) AS latest
       WHERE ($1::text IS NULL OR source.tenant_id = $1) AND ($2::text[] IS NULL OR source.instance_id = ANY($2))
         AND ($4::text IS NULL OR source.instance_id > $4)
       ORDER BY source.instance_id, source.tenant_id LIMIT $5`,
    values: [tenantId, instanceIds, since, after, limit],
  };
}
