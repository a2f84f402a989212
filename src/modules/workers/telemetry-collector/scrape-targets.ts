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

const SELECT_TARGETS = `
SELECT id, tenant_id, endpoints, spec -> 'metrics' AS metrics FROM instances
WHERE spec -> 'metrics' IS NOT NULL AND state = 'running'`;

/** The running instances whose spec says `metrics`. One whose endpoint its provider has not told yet is left out. */
@Injectable()
export class ScrapeTargets {
  constructor(private readonly transactions: Transactions) {}

  /** All tenants', ordered by id. */
  async *allAcrossTenants(): AsyncGenerator<ScrapeTarget> {
    for (let after = ''; ;) {
      const rows = await this.transactions.query<TargetRow>(
        `${SELECT_TARGETS} AND id > $1 ORDER BY id LIMIT ${PAGE}`,
        [after],
      );
      yield* targetsIn(rows);
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.id;
    }
  }

  /** Those of these instances, ordered by id. */
  async findAllAcrossTenants(ids: readonly InstanceId[]): Promise<ScrapeTarget[]> {
    return targetsIn(
      await this.transactions.query<TargetRow>(`${SELECT_TARGETS} AND id = ANY ($1) ORDER BY id`, [ids]),
    );
  }
}

function targetsIn(rows: readonly TargetRow[]): ScrapeTarget[] {
  return rows.flatMap(({ id, tenant_id: tenantId, endpoints, metrics }) => {
    const endpoint = endpoints.find(({ name }) => name === metrics.port);
    if (!endpoint) return [];
    const { host, port } = endpoint;
    return [{ tenantId, instanceId: id, host, port, path: metrics.path ?? '/metrics' }];
  });
}

interface TargetRow {
  id: InstanceId;
  tenant_id: TenantId;
  endpoints: Endpoint[];
  metrics: MetricsEndpoint;
}
