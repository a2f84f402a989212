import { Injectable } from '@nestjs/common';
import { pageByKey, type Page, type PageQuery } from '../database/page.js';
import { storableJson, storableText } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import {
  type HealthCheckId,
  type InstanceId,
  type MaintenanceWindowId,
  parseId,
  type TenantId,
} from '../ids/typed-id.js';
import { type MaintenanceTimes, type MaintenanceWindow } from './maintenance.js';
import { MaintenanceRepository } from './maintenance.repository.js';

interface Row {
  id: MaintenanceWindowId;
  tenant_id: TenantId;
  instance_id: InstanceId | null;
  check_id: HealthCheckId | null;
  times: { kind: 'once'; from: string; until: string } | Extract<MaintenanceTimes, { kind: 'recurring' }>;
  reason: string;
  created_at: Date;
}

@Injectable()
export class PostgresMaintenanceRepository extends MaintenanceRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(
    tenantId: TenantId,
    { id, instanceId, checkId, times, reason }: Omit<MaintenanceWindow, 'tenantId' | 'createdAt'>,
  ): Promise<MaintenanceWindow> {
    const [row] = await this.transactions.query<Row>(
      `INSERT INTO health_maintenance (id, tenant_id, instance_id, check_id, times, reason)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING *`,
      [
        parseId('maintenanceWindow', id),
        parseId('tenant', tenantId),
        instanceId === undefined ? null : parseId('instance', instanceId),
        checkId === undefined ? null : parseId('healthCheck', checkId),
        storableJson(times),
        storableText(reason),
      ],
    );
    return windowOf(row!);
  }

  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<MaintenanceWindow>> {
    parseId('tenant', tenantId);
    return pageByKey(query, async ({ limit, after }) => {
      const rows = await this.transactions.query<Row>(
        `SELECT * FROM health_maintenance
         WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3))
         ORDER BY created_at, id LIMIT $4`,
        [tenantId, after?.createdAt ?? null, after?.id ?? null, limit],
      );
      return rows.map(windowOf);
    });
  }

  async delete(tenantId: TenantId, id: MaintenanceWindowId): Promise<boolean> {
    const rows = await this.transactions.changed<unknown>(
      `DELETE FROM health_maintenance WHERE tenant_id = $1 AND id = $2 RETURNING id`,
      [parseId('tenant', tenantId), parseId('maintenanceWindow', id)],
    );
    return rows.length === 1;
  }

  async currentAcrossTenants(): Promise<MaintenanceWindow[]> {
    const rows = await this.transactions.query<Row>(
      `SELECT * FROM health_maintenance
       WHERE times ->> 'kind' <> 'once' OR (times ->> 'until')::timestamptz > clock_timestamp() - interval '1 hour'`,
      [],
    );
    return rows.map(windowOf);
  }
}

function windowOf(row: Row): MaintenanceWindow {
  const { times } = row;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    instanceId: row.instance_id ?? undefined,
    checkId: row.check_id ?? undefined,
    times:
      times.kind === 'once'
        ? { kind: 'once', from: new Date(times.from), until: new Date(times.until) }
        : times,
    reason: row.reason,
    createdAt: row.created_at,
  };
}
