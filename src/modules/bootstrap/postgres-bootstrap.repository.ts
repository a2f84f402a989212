import { Injectable } from '@nestjs/common';
import { storableJson, storableText } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import {
  type BootstrapServiceId,
  type DatacenterId,
  type InstanceId,
  newId,
  parseId,
} from '../ids/typed-id.js';
import { type Instance } from '../instances/instance.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import {
  BOOTSTRAP_LABELS,
  BOOTSTRAP_STATES,
  type BootstrapService,
  type BootstrapState,
  type Contribution,
} from './bootstrap-service.js';
import { type BootstrapChange, BootstrapRepository } from './bootstrap.repository.js';
import { bootstrapHash, type CheckedBootstrapSpec } from './bootstrap-spec.js';

const COLUMNS = `id, tenant_id AS "tenantId", datacenter_id AS "datacenterId", name, origin, spec,
  spec_hash AS "specHash", installed_hash AS "installedHash", state, attempts,
  next_attempt_at AS "nextAttemptAt", last_error AS "lastError", created_at AS "createdAt",
  updated_at AS "updatedAt"`;

type Row = { [K in keyof BootstrapService]: BootstrapService[K] | null };

/** Bootstrap services on Postgres. */
@Injectable()
export class PostgresBootstrapRepository extends BootstrapRepository {
  constructor(
    private readonly transactions: Transactions,
    private readonly instances: InstanceRepository,
  ) {
    super();
  }

  async listAcrossTenants(datacenterId: DatacenterId): Promise<BootstrapService[]> {
    const rows = await this.transactions.query<Row>(
      `SELECT ${COLUMNS} FROM bootstrap_services WHERE datacenter_id = $1 ORDER BY name`,
      [parseId('datacenter', datacenterId)],
    );
    return rows.map(toService);
  }

  async insert(
    { id: datacenterId, tenantId }: Pick<Datacenter, 'id' | 'tenantId'>,
    origin: string,
    spec: CheckedBootstrapSpec,
  ): Promise<BootstrapService | undefined> {
    const [row] = await this.transactions.query<Row>(
      `INSERT INTO bootstrap_services (id, tenant_id, datacenter_id, name, origin, spec, spec_hash)
       SELECT $1, d.tenant_id, d.id, $4, $5, $6, $7 FROM datacenters d WHERE d.id = $3 AND d.tenant_id = $2
       ON CONFLICT (datacenter_id, name) DO NOTHING RETURNING ${COLUMNS}`,
      [
        newId('bootstrapService'),
        tenantId,
        datacenterId,
        spec.name,
        origin,
        storableJson(spec),
        bootstrapHash(spec),
      ],
    );
    return row && toService(row);
  }

  async change(
    id: BootstrapServiceId,
    change: BootstrapChange,
    from: readonly BootstrapState[] = BOOTSTRAP_STATES,
  ): Promise<BootstrapService | undefined> {
    const { spec, nextAttemptIn, ...columns } = change;
    const values: unknown[] = [parseId('bootstrapService', id), from];
    const sets = ['updated_at = clock_timestamp()'];
    const set = (column: string, value: unknown, sql = (parameter: string) => parameter) => {
      values.push(value);
      sets.push(`${column} = ${sql(`$${values.length}`)}`);
    };
    if (columns.state !== undefined) set('state', columns.state);
    if (columns.origin !== undefined) set('origin', columns.origin);
    if (columns.installedHash !== undefined) set('installed_hash', columns.installedHash);
    if (columns.attempts !== undefined) set('attempts', columns.attempts);
    if (columns.lastError !== undefined)
      set('last_error', columns.lastError === null ? null : storableText(columns.lastError));
    if (spec !== undefined) {
      set('spec', storableJson(spec));
      set('spec_hash', bootstrapHash(spec));
    }
    if (nextAttemptIn === null) sets.push('next_attempt_at = NULL');
    else if (nextAttemptIn !== undefined)
      set('next_attempt_at', nextAttemptIn, (ms) => `clock_timestamp() + ${ms} * interval '1 ms'`);
    const rows = await this.transactions.changed<Row>(
      `UPDATE bootstrap_services SET ${sets.join(', ')} WHERE id = $1 AND state = ANY ($2) RETURNING ${COLUMNS}`,
      values,
    );
    return rows[0] && toService(rows[0]);
  }

  async lock(id: BootstrapServiceId): Promise<BootstrapService | undefined> {
    const [row] = await this.transactions.query<Row>(
      `SELECT ${COLUMNS} FROM bootstrap_services WHERE id = $1 FOR UPDATE`,
      [parseId('bootstrapService', id)],
    );
    return row && toService(row);
  }

  async instancesAcrossTenants(datacenterId: DatacenterId): Promise<Instance[]> {
    const rows = await this.transactions.query<{ id: InstanceId }>(
      `SELECT i.id FROM instances i
       WHERE i.labels ->> '${BOOTSTRAP_LABELS.bootstrap}' IN (
         SELECT id FROM bootstrap_services WHERE datacenter_id = $1)`,
      [parseId('datacenter', datacenterId)],
    );
    const found = await this.instances.findAllAcrossTenants(rows.map(({ id }) => id));
    return found.sort((a, b) => Number(a.createdAt) - Number(b.createdAt) || (a.id < b.id ? -1 : 1));
  }

  async contributions(datacenterId: DatacenterId): Promise<Contribution[]> {
    const rows = await this.transactions.query<{
      hook: string;
      specs: CheckedBootstrapSpec[];
      error: string | null;
    }>('SELECT hook, specs, error FROM bootstrap_contributions WHERE datacenter_id = $1', [
      parseId('datacenter', datacenterId),
    ]);
    return rows.map(({ error, ...row }) => ({ ...row, error: error ?? undefined }));
  }

  async keepContribution(datacenterId: DatacenterId, { hook, specs, error }: Contribution): Promise<void> {
    await this.transactions.query(
      `INSERT INTO bootstrap_contributions (datacenter_id, hook, specs, error)
       SELECT id, $2, $3, $4 FROM datacenters WHERE id = $1
       ON CONFLICT (datacenter_id, hook) DO UPDATE SET specs = excluded.specs, error = excluded.error`,
      [
        parseId('datacenter', datacenterId),
        hook,
        storableJson(specs),
        error === undefined ? null : storableText(error),
      ],
    );
  }

  async dropContribution(datacenterId: DatacenterId, hook: string): Promise<void> {
    await this.transactions.query(
      'DELETE FROM bootstrap_contributions WHERE datacenter_id = $1 AND hook = $2',
      [parseId('datacenter', datacenterId), hook],
    );
  }
}

function toService(row: Row): BootstrapService {
  const { installedHash, nextAttemptAt, lastError, ...rest } = row as BootstrapService;
  return {
    ...rest,
    installedHash: installedHash ?? undefined,
    nextAttemptAt: nextAttemptAt ?? undefined,
    lastError: lastError ?? undefined,
  };
}
