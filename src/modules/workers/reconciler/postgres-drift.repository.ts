import { Injectable } from '@nestjs/common';
import { Transactions } from '../../database/transaction.js';
import { type InstanceId, type WorkloadId } from '../../ids/typed-id.js';
import { type DeletionReason } from '../../instances/deletion.js';
import { type InstanceState } from '../../instances/instance.js';
import { type DesiredState, type InstanceSpec } from '../../providers/provider.js';
import { specHash } from '../../providers/spec-hash.js';
import { type DriftPolicy } from '../../workloads/workload.js';
import {
  DriftRepository,
  type DriftRow,
  type UnconvergedWorkload,
  type WaitingInstance,
} from './drift.repository.js';

interface Row {
  id: InstanceId;
  hash: string | null;
  /** Only where there is no hash: it is large. */
  spec: InstanceSpec | null;
  state: InstanceState;
  desired: DesiredState;
  restart: boolean;
  unsettled: boolean;
  wait: number | null;
}

// `spec` and `wait` are null in nearly every row, which costs a byte each. `now()` is read once a statement.
const ROWS = `
SELECT id, spec_hash AS hash, CASE WHEN spec_hash IS NULL THEN spec END AS spec, state, desired_state AS desired,
  restart_requested AS restart, attempts > 0 OR reason IS NOT NULL OR requested_at IS NOT NULL AS unsettled,
  (extract(epoch FROM next_attempt_at - now()) * 1000)::float8 AS wait
FROM instances WHERE provider_store = $1`;

const ADOPT = `
UPDATE instances SET provider_store = $1
WHERE provider_store IS NULL AND provider = $2
  AND (id = ANY ($3) OR NOT EXISTS (SELECT FROM provider_stores s WHERE s.provider = $2 AND s.id <> $1))`;

const HOLD = `
INSERT INTO provider_stores AS s (id, provider, holder, held_until, seen_at)
VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 ms', clock_timestamp())
ON CONFLICT (id) DO UPDATE
  SET provider = excluded.provider, holder = excluded.holder, held_until = excluded.held_until,
    seen_at = excluded.seen_at
  WHERE s.holder = excluded.holder OR s.held_until < clock_timestamp()
RETURNING id`;

const HELD_FOR = `
SELECT (extract(epoch FROM held_until - clock_timestamp()) * 1000)::float8 AS left
FROM provider_stores WHERE id = $1`;

const WORKLOADS_WITH_COUNTS = `
workloads w
LEFT JOIN (
  SELECT workload_id, count(*) AS n FROM instances
  WHERE workload_id IS NOT NULL AND state <> 'destroying' GROUP BY workload_id
) i ON i.workload_id = w.id`;

const UNMADE = `
SELECT coalesce(sum(greatest(0, w.replicas - coalesce(i.n, 0))), 0)::int AS n FROM ${WORKLOADS_WITH_COUNTS}`;

const UNCONVERGED = `
SELECT w.id, w.tenant_id AS "tenantId", w.deletion_reason AS "deletionReason"
FROM ${WORKLOADS_WITH_COUNTS}
WHERE w.deletion_reason IS NOT NULL
  OR coalesce(i.n, 0) <> w.replicas
  OR w.conditions @> '[{"type": "Available", "status": false}]'
  OR EXISTS (SELECT FROM deployments d WHERE d.workload_id = w.id AND d.state = 'rolling' AND NOT w.paused)
ORDER BY w.created_at, w.id`;

const WAITING = `
SELECT i.id, (extract(epoch FROM clock_timestamp() - i.requested_at) * 1000)::float8 AS age
FROM instances i
WHERE i.requested_at < clock_timestamp() - $1 * interval '1 ms' AND i.provider_store IS NOT NULL
  AND i.reason IS DISTINCT FROM 'waiting_for_host'
  AND NOT EXISTS (
    SELECT FROM provider_stores s
    WHERE s.id = i.provider_store AND s.seen_at > clock_timestamp() - $1 * interval '1 ms')
ORDER BY i.requested_at LIMIT 1000`;

@Injectable()
export class PostgresDriftRepository extends DriftRepository {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async rowsAcrossTenants(store: string): Promise<DriftRow[]> {
    const rows = await this.transactions.query<Row>(ROWS, [store]);
    return rows.map(({ id, hash, spec, state, desired, restart, unsettled, wait }) => ({
      id,
      state,
      desiredState: desired,
      specHash: hash ?? specHash(spec!),
      restartRequested: restart,
      unsettled,
      wait: wait === null || wait < 0 ? 0 : wait,
    }));
  }

  async hasUnplacedAcrossTenants(provider: string): Promise<boolean> {
    const found = await this.transactions.query(
      'SELECT FROM instances WHERE provider_store IS NULL AND provider = $1 LIMIT 1',
      [provider],
    );
    return found.length > 0;
  }

  async adoptAcrossTenants(store: string, provider: string, listed: readonly InstanceId[]): Promise<number> {
    const adopted = await this.transactions.affected(ADOPT, [store, provider, listed]);
    return adopted;
  }

  async policiesAcrossTenants(workloads: readonly WorkloadId[]): Promise<Map<WorkloadId, DriftPolicy>> {
    if (!workloads.length) return new Map();
    const rows = await this.transactions.query<{ id: WorkloadId; policy: DriftPolicy }>(
      'SELECT id, drift_policy AS policy FROM workloads WHERE id = ANY ($1)',
      [workloads],
    );
    return new Map(rows.map(({ id, policy }) => [id, policy]));
  }

  async hold(store: string, provider: string, holder: string, duration: number): Promise<number> {
    if ((await this.transactions.query(HOLD, [store, provider, holder, duration])).length > 0) return 0;
    const [row] = await this.transactions.query<{ left: number }>(HELD_FOR, [store]);
    return Math.max(1, Math.ceil(row?.left ?? 0));
  }

  async seenAcrossTenants(store: string): Promise<Date | undefined> {
    const [row] = await this.transactions.query<{ seen: Date }>(
      'SELECT seen_at AS seen FROM provider_stores WHERE id = $1',
      [store],
    );
    return row?.seen;
  }

  async release(holder: string): Promise<void> {
    await this.transactions.query('UPDATE provider_stores SET held_until = seen_at WHERE holder = $1', [
      holder,
    ]);
  }

  async unconvergedAcrossTenants(): Promise<UnconvergedWorkload[]> {
    const rows = await this.transactions.query<
      UnconvergedWorkload & { deletionReason: DeletionReason | null }
    >(UNCONVERGED, []);
    return rows.map(({ deletionReason, ...row }) => ({
      ...row,
      deletionReason: deletionReason ?? undefined,
    }));
  }

  async unmadeAcrossTenants(): Promise<number> {
    const [row] = await this.transactions.query<{ n: number }>(UNMADE, []);
    return row!.n;
  }

  async waitingAcrossTenants(age: number): Promise<WaitingInstance[]> {
    return this.transactions.query<WaitingInstance>(WAITING, [age]);
  }
}
