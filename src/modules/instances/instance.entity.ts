import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { type InstanceId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type DesiredState, type Endpoint, type InstanceSpec, type Labels } from '../providers/provider.js';
import { type DeletionReason } from './deletion.js';
import { type InstanceReason, type InstanceState } from './instance.js';

/**
 * No foreign key to `workloads` or `tenants`: rows there are also removed by hand and by restored backups,
 * and what then is left over is still running somewhere. The garbage collector needs the row to find it.
 */
@Entity('instances')
// The workload is in it so that the garbage collector reads nothing but the index.
@Index('instances_tenant_id_created_at_id_workload_id_idx', ['tenantId', 'createdAt', 'id', 'workloadId'])
@Index('instances_workload_id_idx', ['workloadId'])
// Their conditions TypeORM cannot say: migrations make them.
@Index('instances_scraped_idx', { synchronize: false })
@Index('instances_unsettled_idx', { synchronize: false })
// One store after the other is compared with what its provider lists.
@Index('instances_provider_store_id_idx', ['providerStore', 'id'])
@Index('instances_requested_at_idx', ['requestedAt'], { where: 'requested_at IS NOT NULL' })
@Check('instances_desired_state_check', `desired_state IN ('running', 'stopped')`)
@Check('instances_state_check', `state IN ('provisioning', 'running', 'stopped', 'failed', 'destroying')`)
export class InstanceEntity {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'instances_pkey' })
  id!: InstanceId;

  @Column({ name: 'tenant_id', type: 'text', collation: 'C' })
  tenantId!: TenantId;

  /** The label as it is: it may be malformed. */
  @Column({
    name: 'workload_id',
    type: 'text',
    collation: 'C',
    nullable: true,
    insert: false,
    update: false,
    generatedType: 'STORED',
    asExpression: `labels ->> 'ctrlplane.workload'`,
  })
  workloadId!: WorkloadId | null;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'provider', type: 'text' })
  provider!: string;

  @Column({ name: 'state', type: 'text', default: 'provisioning' })
  state!: InstanceState;

  @Column({ name: 'provider_store', type: 'text', collation: 'C', nullable: true })
  providerStore!: string | null;

  @Column({ name: 'state_since', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  stateSince!: Date;

  @Column({ name: 'desired_state', type: 'text', default: 'running' })
  desiredState!: DesiredState;

  /** Null in rows from before there were hashes, and in those written by hand: taken from the spec when read. */
  @Column({ name: 'spec_hash', type: 'text', nullable: true })
  specHash!: string | null;

  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: InstanceReason | null;

  @Column({ name: 'exit_code', type: 'integer', nullable: true })
  exitCode!: number | null;

  @Column({ name: 'log_tail', type: 'text', nullable: true })
  logTail!: string | null;

  @Column({ name: 'attempts', type: 'integer', default: 0 })
  attempts!: number;

  @Column({ name: 'next_attempt_at', type: 'timestamptz', precision: 3, nullable: true })
  nextAttemptAt!: Date | null;

  @Column({ name: 'requested_at', type: 'timestamptz', precision: 3, nullable: true })
  requestedAt!: Date | null;

  @Column({ name: 'restart_requested', type: 'boolean', default: false })
  restartRequested!: boolean;

  @Column({ name: 'deletion_reason', type: 'text', nullable: true })
  deletionReason!: DeletionReason | null;

  @Column({ name: 'labels', type: 'jsonb', default: {} })
  labels!: Labels;

  @Column({ name: 'spec', type: 'jsonb' })
  spec!: InstanceSpec;

  @Column({ name: 'endpoints', type: 'jsonb', default: [] })
  endpoints!: Endpoint[];

  @Column({ name: 'ref', type: 'text', nullable: true })
  ref!: string | null;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}
