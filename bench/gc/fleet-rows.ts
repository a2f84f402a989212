import { type Client } from 'pg';

/** How much there is of each; everything is spread evenly over the tenants. */
export interface FleetSize {
  tenants: number;
  workloads: number;
  /** A multiple of `workloads`, which have as many each. */
  instances: number;
  /** Instances whose workload is gone; a multiple of the instances of one workload. */
  orphans: number;
}

/** The first instance was made then, and one more every two seconds: all are older than the grace period. */
const BEGIN = `now() - interval '30 days'`;

/**
 * A well-formed TypeID in SQL: milliseconds, then noise, as in a UUIDv7, so that ids grow with age. Hex digits
 * are digits of the base32 that TypeIDs are written in, and 48 bits of time leave the first one at 0.
 */
const typeId = (prefix: string, n: string, at: string): string =>
  `'${prefix}_' || lpad(to_hex((extract(epoch FROM ${at}) * 1000)::bigint), 12, '0') || substr(md5('${prefix}' || ${n}), 1, 14)`;

/**
 * Fills the tables of the control plane, by one statement each. Rows of different tenants lie side by side, as
 * they were made, and the instances of a workload are of different ages, as after deploys and moves. Workloads
 * all over the fleet are then removed by hand; as many new ones have no instances yet.
 *
 * At last it vacuums, as autovacuum has done in any database that lives: before that, PostgreSQL cannot read
 * an index without the table, and plans without statistics.
 */
export async function makeFleetRows(client: Client, size: FleetSize): Promise<void> {
  const { tenants, workloads, instances, orphans } = size;
  const vanished = orphans / (instances / workloads);
  const apart = Math.floor(workloads / vanished);

  await client.query(`
    CREATE TEMP TABLE made_tenants AS
    SELECT n, ${typeId('ten', 'n', BEGIN)} AS id FROM generate_series(0, ${tenants - 1}) n`);
  await client.query(`
    CREATE TEMP TABLE made_workloads AS
    SELECT w.n, ${typeId('wkl', 'w.n', `(${BEGIN} + w.n * interval '2 seconds')`)} AS id, t.id AS tenant_id
    FROM generate_series(0, ${workloads + vanished - 1}) w (n)
    JOIN made_tenants t ON t.n = w.n % ${tenants}`);

  await client.query(`
    INSERT INTO tenants (id, name, created_at)
    SELECT id, 'tenant-' || n, ${BEGIN} FROM made_tenants ORDER BY n`);
  await client.query(`
    INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas, created_at)
    SELECT id, tenant_id, 'web-' || n, 'process', '{"command": ["node", "server.js"]}', ${instances / workloads},
      ${BEGIN} + n * interval '2 seconds'
    FROM made_workloads ORDER BY n`);
  await client.query(`
    INSERT INTO instances (id, tenant_id, name, provider, state, labels, spec, endpoints, ref, created_at)
    SELECT ${typeId('inst', 'i.n', 'i.at')}, w.tenant_id, 'web-' || i.n, 'process', 'running',
      jsonb_build_object('ctrlplane.workload', w.id, 'app', 'web'),
      '{"command": ["node", "server.js"], "ports": [{"name": "http", "env": "PORT"}]}',
      '[{"name": "http", "host": "127.0.0.1", "port": 30000}]', i.n::text, i.at
    FROM (SELECT n, ${BEGIN} + n * interval '2 seconds' AS at FROM generate_series(0, ${instances - 1}) n) i
    JOIN made_workloads w ON w.n = i.n % ${workloads}
    ORDER BY i.n`);
  await client.query(`
    DELETE FROM workloads WHERE id IN (
      SELECT id FROM made_workloads WHERE n % ${apart} = 0 AND n < ${apart * vanished})`);

  await client.query('VACUUM (ANALYZE) tenants, workloads, instances, gc_positions');
  // Else it would write what was just made to disk in the middle of a measurement.
  await client.query('CHECKPOINT');
}
