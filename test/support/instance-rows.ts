import { type DataSource } from 'typeorm';
import { type InstanceId, newId, type TenantId, type WorkloadId } from '../../src/modules/ids/typed-id.js';

/** Rows as they are when nobody ran the cascade: written by SQL, with an age. */
export class InstanceRows {
  constructor(private readonly dataSource: DataSource) {}

  addInstance = async (instance: {
    tenantId: TenantId;
    workloadId?: string;
    age: number;
    protected?: boolean;
    provider?: string;
  }): Promise<InstanceId> => {
    const { tenantId, workloadId, age, provider = 'memory' } = instance;
    const id = newId('instance');
    await this.addTenant(tenantId);
    const labels = {
      ...(workloadId !== undefined && { 'ctrlplane.workload': workloadId }),
      ...(instance.protected && { 'ctrlplane.gc': 'protect' }),
    };
    await this.dataSource.query(
      `INSERT INTO instances (id, tenant_id, name, provider, state, labels, spec, created_at)
       VALUES ($1, $2, 'web', $3, 'running', $4, '{"command": ["true"]}', clock_timestamp() - make_interval(secs => $5))`,
      [id, tenantId, provider, labels, age / 1000],
    );
    return id;
  };

  removeInstance = async (id: InstanceId): Promise<void> => {
    await this.dataSource.query('DELETE FROM instances WHERE id = $1', [id]);
  };

  /** Removes it by hand, which is recorded when others of its tenant stay. */
  deleteWorkload = async (id: WorkloadId): Promise<void> => {
    await this.dataSource.query('DELETE FROM workloads WHERE id = $1', [id]);
  };

  removeTenant = async (id: TenantId): Promise<void> => {
    await this.dataSource.query('DELETE FROM tenants WHERE id = $1', [id]);
  };

  addTenant = async (id: TenantId): Promise<void> => {
    await this.dataSource.query(
      `INSERT INTO tenants (id, name) VALUES ($1, replace($1, '_', '-')) ON CONFLICT DO NOTHING`,
      [id],
    );
  };

  /** The id of a workload that was deleted, as is recorded. */
  addDeletedWorkload = async (tenantId: TenantId): Promise<WorkloadId> => {
    const id = await this.addWorkload(tenantId);
    await this.addWorkload(tenantId);
    await this.deleteWorkload(id);
    return id;
  };

  addWorkload = async (tenantId: TenantId, id: WorkloadId = newId('workload')): Promise<WorkloadId> => {
    await this.addTenant(tenantId);
    await this.dataSource.query(
      `INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas) VALUES ($1, $2, $1, 'memory', '{}', 1)`,
      [id, tenantId],
    );
    return id;
  };

  /** Ids of the tenant's instances, oldest first. */
  instancesOf = async (tenantId: TenantId): Promise<InstanceId[]> => {
    const rows = await this.dataSource.query<{ id: InstanceId }[]>(
      'SELECT id FROM instances WHERE tenant_id = $1 ORDER BY created_at, id',
      [tenantId],
    );
    return rows.map(({ id }) => id);
  };

  /** What the rows of the tenant's instances say of their state, oldest first. */
  statesOf = async (tenantId: TenantId): Promise<string[]> => {
    const rows = await this.dataSource.query<{ state: string }[]>(
      'SELECT state FROM instances WHERE tenant_id = $1 ORDER BY created_at, id',
      [tenantId],
    );
    return rows.map(({ state }) => state);
  };
}
