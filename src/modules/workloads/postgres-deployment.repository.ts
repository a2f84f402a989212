import { Injectable } from '@nestjs/common';
import { storableText } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import { type DeploymentId, newId, parseId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec } from '../providers/provider.js';
import { specHash } from '../providers/spec-hash.js';
import { type Deployment, type DeploymentState } from './deployment.js';
import { DeploymentRepository } from './deployment.repository.js';

const COLUMNS = `id, tenant_id AS "tenantId", workload_id AS "workloadId", spec, spec_hash AS "specHash",
  previous_spec AS "previousSpec", state, reason, progress, progressed_at AS "progressedAt",
  ended_at AS "endedAt", created_at AS "createdAt"`;

/** Deployments on Postgres. */
@Injectable()
export class PostgresDeploymentRepository extends DeploymentRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async begin(
    tenantId: TenantId,
    {
      workloadId,
      spec,
      previousSpec,
    }: { workloadId: WorkloadId; spec: InstanceSpec; previousSpec: InstanceSpec },
  ): Promise<Deployment> {
    return this.transactions.run(async () => {
      await this.transactions.query(
        `UPDATE deployments SET state = 'superseded', ended_at = clock_timestamp()
         WHERE tenant_id = $1 AND workload_id = $2 AND state = 'rolling'`,
        key(tenantId, workloadId),
      );
      const [row] = await this.transactions.query<Row>(
        `INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec)
         VALUES ($3, $1, $2, $4, $5, $6) RETURNING ${COLUMNS}`,
        [
          ...key(tenantId, workloadId),
          newId('deployment'),
          JSON.stringify(spec),
          specHash(spec),
          JSON.stringify(previousSpec),
        ],
      );
      return toDeployment(row!);
    });
  }

  async latest(tenantId: TenantId, workloadId: WorkloadId): Promise<Deployment | undefined> {
    return (await this.list(tenantId, workloadId, 1))[0];
  }

  async list(tenantId: TenantId, workloadId: WorkloadId, limit = 100): Promise<Deployment[]> {
    const rows = await this.transactions.query<Row>(
      `SELECT ${COLUMNS} FROM deployments WHERE tenant_id = $1 AND workload_id = $2
       ORDER BY created_at DESC, id DESC LIMIT $3`,
      [...key(tenantId, workloadId), limit],
    );
    return rows.map(toDeployment);
  }

  async progress(tenantId: TenantId, id: DeploymentId, progress: number): Promise<void> {
    await this.transactions.query(
      `UPDATE deployments SET progress = $3, progressed_at = clock_timestamp()
       WHERE tenant_id = $1 AND id = $2 AND state = 'rolling' AND progress < $3`,
      [parseId('tenant', tenantId), parseId('deployment', id), progress],
    );
  }

  async renew(tenantId: TenantId, workloadId: WorkloadId): Promise<void> {
    await this.transactions.query(
      `UPDATE deployments SET progressed_at = clock_timestamp()
       WHERE tenant_id = $1 AND workload_id = $2 AND state = 'rolling'`,
      key(tenantId, workloadId),
    );
  }

  async end(
    tenantId: TenantId,
    id: DeploymentId,
    state: Exclude<DeploymentState, 'rolling'>,
    reason?: string,
  ): Promise<boolean> {
    const ended = await this.transactions.affected(
      `UPDATE deployments SET state = $3, reason = $4, ended_at = clock_timestamp()
       WHERE tenant_id = $1 AND id = $2 AND state = 'rolling'`,
      [
        parseId('tenant', tenantId),
        parseId('deployment', id),
        state,
        reason === undefined ? null : storableText(reason),
      ],
    );
    return ended === 1;
  }
}

type Row = Omit<Deployment, 'reason' | 'endedAt'> & { reason: string | null; endedAt: Date | null };

function key(tenantId: TenantId, workloadId: WorkloadId): [TenantId, WorkloadId] {
  return [parseId('tenant', tenantId), parseId('workload', workloadId)];
}

function toDeployment({ reason, endedAt, ...row }: Row): Deployment {
  return { ...row, reason: reason ?? undefined, endedAt: endedAt ?? undefined };
}
