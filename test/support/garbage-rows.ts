import { type DataSource } from 'typeorm';
import {
  type CertificateId,
  type DeploymentId,
  type DomainId,
  type HealthCheckId,
  newId,
  type RouteId,
  type TenantId,
} from '../../src/modules/ids/typed-id.js';
import { InstanceRows } from './instance-rows.js';

const HOUR = 3_600_000;

/** Rows of what hangs on tenants, domains, workloads and instances, written by SQL, two hours old unless it is said. */
export class GarbageRows extends InstanceRows {
  constructor(private readonly database: DataSource) {
    super(database);
  }

  /** A tenant that was deleted, as is recorded, three hours ago. */
  addDeletedTenant = async (id: TenantId = newId('tenant')): Promise<TenantId> => {
    await this.addTenant(id);
    await this.removeTenant(id);
    await this.deletedBefore(id, 3 * HOUR);
    return id;
  };

  /** Makes a record of that deletion as old. */
  deletedBefore = async (id: string, age: number): Promise<void> => {
    await this.database.query(
      `UPDATE deletions SET deleted_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1`,
      [id, age / 1000],
    );
  };

  recordDeletion = async (id: string, tenantId: TenantId, age = 3 * HOUR): Promise<void> => {
    await this.database.query(
      'INSERT INTO deletions (id, tenant_id) VALUES ($1, $2) ON CONFLICT DO NOTHING',
      [id, tenantId],
    );
    await this.deletedBefore(id, age);
  };

  addDomain = async (
    tenantId: TenantId,
    {
      hostname,
      verified = false,
      age = 2 * HOUR,
    }: { hostname?: string; verified?: boolean; age?: number } = {},
  ): Promise<DomainId> => {
    const id = newId('domain');
    await this.database.query(
      `INSERT INTO domains (id, tenant_id, hostname, token, verified_at, created_at)
       VALUES ($1, $2, $3, 'token', CASE WHEN $4::boolean THEN clock_timestamp() END,
         clock_timestamp() - make_interval(secs => $5))`,
      [id, tenantId, hostname ?? `${id.replaceAll('_', '-')}.example`, verified, age / 1000],
    );
    return id;
  };

  addRoute = async (
    tenantId: TenantId,
    domainId: string,
    workloadId: string,
    age = 2 * HOUR,
  ): Promise<RouteId> => {
    const id = newId('route');
    await this.database.query(
      `INSERT INTO routes (id, tenant_id, domain_id, path, workload_id, port, created_at)
       VALUES ($1, $2, $3, '/' || $1, $4, 80, clock_timestamp() - make_interval(secs => $5))`,
      [id, tenantId, domainId, workloadId, age / 1000],
    );
    return id;
  };

  /** With a version and a key, which is valid for a day unless it is said. */
  addCertificate = async (
    tenantId: TenantId,
    domainId: string,
    names: string[],
    { age = 2 * HOUR, validFor = 24 * HOUR, issued = true, ordering = false } = {},
  ): Promise<CertificateId> => {
    const id = newId('certificate');
    await this.database.query(
      `INSERT INTO certificates (id, tenant_id, domain_id, names, key_type, version, not_after, renewal, ordering, due_at, created_at)
       VALUES ($1, $2, $3, $4, 'ecdsa-p256', CASE WHEN $5::boolean THEN 1 END,
         CASE WHEN $5::boolean THEN clock_timestamp() + make_interval(secs => $6) END, '{}', $7,
         clock_timestamp() + interval '1 hour', clock_timestamp() - make_interval(secs => $8))`,
      [id, tenantId, domainId, names, issued, validFor / 1000, ordering, age / 1000],
    );
    if (issued)
      await this.database.query(
        `INSERT INTO certificate_versions (certificate_id, version, issuer, chain, sealed_key, not_after)
         VALUES ($1, 1, 'ca', 'chain', 'v1.key.sealed', clock_timestamp() + make_interval(secs => $2))`,
        [id, validFor / 1000],
      );
    return id;
  };

  addCheck = async (
    tenantId: TenantId,
    instanceId: string | null,
    age = 2 * HOUR,
  ): Promise<HealthCheckId> => {
    const id = newId('healthCheck');
    await this.database.query(
      `INSERT INTO health_checks (id, tenant_id, instance_id, name, probe, interval_ms, timeout_ms, failure_threshold,
         success_threshold, initial_delay_ms, startup_grace_ms, on_unhealthy, max_restarts_per_hour, enabled, created_at)
       VALUES ($1, $2, $3, $1, '{"type": "push"}', 1000, 1000, 1, 1, 0, 0, 'none', 0, true,
         clock_timestamp() - make_interval(secs => $4))`,
      [id, tenantId, instanceId, age / 1000],
    );
    return id;
  };

  addDeployment = async (
    tenantId: TenantId,
    workloadId: string,
    {
      age,
      state = 'succeeded',
      spec = {},
      previous = {},
      hash = 'old',
    }: {
      age: number;
      state?: string;
      spec?: object;
      previous?: object;
      hash?: string;
    },
  ): Promise<DeploymentId> => {
    const id = newId('deployment');
    await this.database.query(
      `INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec, state, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() - make_interval(secs => $8))`,
      [id, tenantId, workloadId, spec, hash, previous, state, age / 1000],
    );
    return id;
  };

  /** Which of those ids the table has. */
  present = async (table: string, ids: readonly string[]): Promise<string[]> => {
    const rows = await this.database.query<{ id: string }[]>(`SELECT id FROM ${table} WHERE id = ANY ($1)`, [
      ids,
    ]);
    return rows.map(({ id }) => id);
  };
}
