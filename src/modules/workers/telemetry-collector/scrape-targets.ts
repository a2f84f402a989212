import { Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transaction.js';
import { type InstanceId, type TenantId } from '../../ids/typed-id.js';
import { type Endpoint, type MetricsEndpoint } from '../../providers/provider.js';

/** An instance that names a Prometheus endpoint of its own. */
export interface ScrapeTarget {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
  readonly host: string;
  readonly port: number;
  /** With the query, if there is one. */
  readonly path: string;
}

const PAGE = 1_000;

/** The running instances whose spec says `metrics`. */
@Injectable()
export class ScrapeTargets {
  constructor(private readonly transactions: Transactions) {}

  /** All tenants', ordered by id. One whose endpoint its provider has not told yet is left out. */
  async *allAcrossTenants(): AsyncGenerator<ScrapeTarget> {
    for (let after = ''; ;) {
      const rows = await this.transactions.query<TargetRow>(
        `SELECT id, tenant_id, endpoints, spec -> 'metrics' AS metrics FROM instances
          WHERE spec -> 'metrics' IS NOT NULL AND state = 'running' AND id > $1 ORDER BY id LIMIT ${PAGE}`,
        [after],
      );
      for (const { id, tenant_id: tenantId, endpoints, metrics } of rows) {
        const endpoint = endpoints.find(({ name }) => name === metrics.port);
        if (endpoint)
          yield {
            tenantId,
            instanceId: id,
            host: endpoint.host,
            port: endpoint.port,
            path: metrics.path ?? '/metrics',
          };
      }
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.id;
    }
  }
}

interface TargetRow {
  id: InstanceId;
  tenant_id: TenantId;
  endpoints: Endpoint[];
  metrics: MetricsEndpoint;
}
