import { Injectable } from '@nestjs/common';
import { type Duration, parseDuration } from '../../core/timing/duration.js';
import { DueQueue } from '../database/due-queue.js';
import { pageByKey, type Page } from '../database/page.js';
import { breaksUnique } from '../database/rows.js';
import { storableJson, storableText } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import { type HealthCheckId, type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import { type CheckState } from './check-state.js';
import { HealthCheckNameTakenError } from './health-check.errors.js';
import { type HealthCheck } from './health-check.js';
import { type HealthCheckSettings } from './health-check-input.js';
import {
  HEALTH_CHECK_COLUMNS,
  type HealthCheckRow,
  leaseOf,
  settingsValues,
  toHealthCheck,
} from './health-check-row.js';
import { INSERT_CHECK, INSERT_TURN, UPDATE_CHECK, UPDATE_TURN } from './health-checks.statements.js';
import { BEAT } from './health-runners.statements.js';
import {
  CHANGED,
  NEXT_TURN,
  PUSH,
  PUSH_STATE,
  SPREAD_OVERDUE,
  STORE_STATES,
} from './health-turns.statements.js';
import {
  type Beat,
  type HealthCheckQuery,
  HealthCheckRepository,
  type HealthTurn,
  type InstanceCheckState,
  type NewHealthCheck,
  type StateUpdate,
  type StoredState,
  type TurnClaims,
} from './health-check.repository.js';
import { type Push, type PushState } from './probes/push.prober.js';

@Injectable()
export class PostgresHealthCheckRepository extends HealthCheckRepository {
  private readonly queue: DueQueue<{
    revision: number;
    interval: number;
    version: number;
    state: CheckState | null;
  }>;

  constructor(private readonly transactions: Transactions) {
    super();
    this.queue = new DueQueue(transactions, {
      table: 'health_check_turns',
      key: 'check_id',
      where: 'q.enabled',
      lease: NEXT_TURN,
      set: { claimed_by: '$3::text', claimed_due: 'due.due' },
      select: { revision: 'q.revision', interval: 'q.interval_ms', version: 'q.version', state: 'q.state' },
    });
  }

  async insert(tenantId: TenantId, { id, instanceId, ...settings }: NewHealthCheck): Promise<HealthCheck> {
    parseId('tenant', tenantId);
    parseId('healthCheck', id);
    if (instanceId !== undefined) parseId('instance', instanceId);
    return this.named(settings.name, () =>
      this.transactions.run(async () => {
        const [row] = await this.transactions.query<HealthCheckRow>(INSERT_CHECK, [
          id,
          tenantId,
          instanceId ?? null,
          ...settingsValues(settings),
        ]);
        await this.transactions.query(INSERT_TURN, [
          id,
          settings.initialDelay,
          settings.interval,
          leaseOf(settings),
          settings.enabled,
        ]);
        return toHealthCheck(row!);
      }),
    );
  }

  async find(tenantId: TenantId, id: HealthCheckId): Promise<HealthCheck | undefined> {
    const [row] = await this.transactions.query<HealthCheckRow>(
      `SELECT ${HEALTH_CHECK_COLUMNS} FROM health_checks WHERE tenant_id = $1 AND id = $2`,
      [parseId('tenant', tenantId), parseId('healthCheck', id)],
    );
    return row && toHealthCheck(row);
  }

  async list(tenantId: TenantId, { instanceId, ...page }: HealthCheckQuery = {}): Promise<Page<HealthCheck>> {
    parseId('tenant', tenantId);
    if (instanceId !== undefined) parseId('instance', instanceId);
    return pageByKey(page, async ({ limit, after }) => {
      const rows = await this.transactions.query<HealthCheckRow>(
        `SELECT ${HEALTH_CHECK_COLUMNS} FROM health_checks
         WHERE tenant_id = $1 AND ($2::text IS NULL OR instance_id = $2)
           AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4))
         ORDER BY created_at, id LIMIT $5`,
        [tenantId, instanceId ?? null, after?.createdAt ?? null, after?.id ?? null, limit],
      );
      return rows.map(toHealthCheck);
    });
  }

  async update(
    tenantId: TenantId,
    id: HealthCheckId,
    revision: number,
    settings: HealthCheckSettings,
  ): Promise<HealthCheck | undefined> {
    parseId('tenant', tenantId);
    parseId('healthCheck', id);
    return this.named(settings.name, () =>
      this.transactions.run(async () => {
        const [row] = await this.transactions.changed<HealthCheckRow>(UPDATE_CHECK, [
          tenantId,
          id,
          revision,
          ...settingsValues(settings),
        ]);
        if (!row) return undefined;
        await this.transactions.query(UPDATE_TURN, [
          id,
          settings.interval,
          leaseOf(settings),
          settings.enabled,
          row.revision,
        ]);
        return toHealthCheck(row);
      }),
    );
  }

  async delete(tenantId: TenantId, id: HealthCheckId): Promise<boolean> {
    const rows = await this.transactions.changed(
      `DELETE FROM health_checks WHERE tenant_id = $1 AND id = $2 RETURNING id`,
      [parseId('tenant', tenantId), parseId('healthCheck', id)],
    );
    return rows.length === 1;
  }

  async deleteOfInstance(tenantId: TenantId, instanceId: InstanceId): Promise<number> {
    const rows = await this.transactions.changed(
      `DELETE FROM health_checks WHERE tenant_id = $1 AND instance_id = $2 RETURNING id`,
      [parseId('tenant', tenantId), parseId('instance', instanceId)],
    );
    return rows.length;
  }

  async instancesAcrossTenants({
    limit,
    after = '' as InstanceId,
  }: {
    limit: number;
    after?: InstanceId | undefined;
  }): Promise<{ tenantId: TenantId; instanceId: InstanceId }[]> {
    return this.transactions.query(
      `SELECT DISTINCT instance_id AS "instanceId", tenant_id AS "tenantId" FROM health_checks
       WHERE instance_id > $1 ORDER BY instance_id, tenant_id LIMIT $2`,
      [after, limit],
    );
  }

  async findAllAcrossTenants(ids: readonly HealthCheckId[]): Promise<HealthCheck[]> {
    const rows = await this.transactions.query<HealthCheckRow>(
      `SELECT ${HEALTH_CHECK_COLUMNS} FROM health_checks WHERE id = ANY ($1)`,
      [ids],
    );
    return rows.map(toHealthCheck);
  }

  async statesAcrossTenants(ids: readonly HealthCheckId[]): Promise<Map<HealthCheckId, StoredState>> {
    const rows = await this.transactions.query<{
      id: HealthCheckId;
      state: CheckState | null;
      version: number;
      revision: number;
    }>(`SELECT check_id AS id, state, version, revision FROM health_check_turns WHERE check_id = ANY ($1)`, [
      ids,
    ]);
    return new Map(rows.map(({ id, state, ...rest }) => [id, { state: state ?? undefined, ...rest }]));
  }

  async statesOfInstancesAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceCheckState[]> {
    const rows = await this.transactions.query<{
      instance_id: InstanceId;
      name: string;
      state: CheckState | null;
    }>(
      `SELECT c.instance_id, c.name, t.state FROM health_checks c JOIN health_check_turns t ON t.check_id = c.id
       WHERE c.instance_id = ANY ($1) AND c.enabled ORDER BY c.instance_id, c.created_at, c.id`,
      [ids],
    );
    return rows.map(({ instance_id, name, state }) => ({
      instanceId: instance_id,
      name,
      state: state ?? undefined,
    }));
  }

  async claimAcrossTenants({
    replica,
    ...options
  }: {
    limit: number;
    horizon: Duration;
    replica?: string;
  }): Promise<TurnClaims> {
    const { claims, now } = await this.queue.claim({ ...options, values: [replica ?? null] });
    return {
      now,
      turns: claims.map(({ key, dueAt, lease, revision, interval, version, state }) => ({
        checkId: key as HealthCheckId,
        dueAt,
        lease,
        revision,
        interval,
        version,
        state: state ?? undefined,
      })),
    };
  }

  async beatAcrossTenants({ replica, silence }: { replica: string; silence: Duration }): Promise<Beat> {
    const [beat] = await this.transactions.query<Beat>(BEAT, [replica, parseDuration(silence)]);
    return beat!;
  }

  async leaveAcrossTenants(replica: string): Promise<void> {
    await this.transactions.query('DELETE FROM health_runners WHERE replica = $1', [replica]);
  }

  async settleAcrossTenants(
    moves: readonly { checkId: HealthCheckId; lease: Date; dueAt: Date }[],
  ): Promise<Set<HealthCheckId>> {
    const settled = await this.queue.settle(moves.map(({ checkId, ...move }) => ({ key: checkId, ...move })));
    return settled as Set<HealthCheckId>;
  }

  async spreadAcrossTenants(overdueBy: Duration): Promise<number> {
    const rows = await this.transactions.changed(SPREAD_OVERDUE, [parseDuration(overdueBy)]);
    return rows.length;
  }

  async changedAcrossTenants(
    checks: readonly Pick<HealthTurn, 'checkId' | 'revision'>[],
  ): Promise<Set<HealthCheckId>> {
    const rows = await this.transactions.query<{ id: HealthCheckId }>(CHANGED, [
      checks.map(({ checkId }) => checkId),
      checks.map(({ revision }) => revision),
    ]);
    return new Set(rows.map(({ id }) => id));
  }

  async storeStatesAcrossTenants(updates: readonly StateUpdate[]): Promise<Set<HealthCheckId>> {
    if (updates.length === 0) return new Set();
    const rows = await this.transactions.changed<{ check_id: HealthCheckId }>(STORE_STATES, [
      updates.map(({ checkId }) => checkId),
      updates.map(({ version }) => version),
      updates.map(({ lease }) => lease.toISOString()),
      updates.map(({ state }) => storableJson(state)),
      updates.map(({ revision }) => revision),
    ]);
    return new Set(rows.map(({ check_id }) => check_id));
  }

  async push(tenantId: TenantId, id: HealthCheckId, { outcome, message }: Push): Promise<boolean> {
    const rows = await this.transactions.changed(PUSH, [
      parseId('tenant', tenantId),
      parseId('healthCheck', id),
      outcome,
      storableText(message),
    ]);
    return rows.length === 1;
  }

  async pushState(id: HealthCheckId): Promise<PushState | undefined> {
    const [row] = await this.transactions.query<
      { [K in keyof Push]: Push[K] | null } & { age: number | null; waiting: number }
    >(PUSH_STATE, [parseId('healthCheck', id)]);
    if (!row) return undefined;
    const { outcome, message, age, waiting } = row;
    return { ...(outcome !== null && { last: { outcome, message: message ?? '', age: age! } }), waiting };
  }

  private async named<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (breaksUnique(error, 'health_checks_name_key')) throw new HealthCheckNameTakenError(name);
      throw error;
    }
  }
}
