import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { type DatacenterId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Condition } from '../instances/condition.js';
import { type DeletionReason } from '../instances/deletion.js';
import { type InstanceSpec, type Labels } from '../providers/provider.js';
import { type DriftPolicy, type Rollout } from './workload.js';

export const WORKLOAD_NAME_KEY = 'workloads_tenant_id_name_key';

@Entity('workloads')
@Unique(WORKLOAD_NAME_KEY, ['tenantId', 'name'])
@Index('workloads_tenant_id_created_at_id_idx', ['tenantId', 'createdAt', 'id'])
@Check('workloads_drift_policy_check', `drift_policy IN ('restart', 'mark', 'ignore')`)
@Check('workloads_replicas_check', 'replicas >= 0')
export class WorkloadEntity {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'workloads_pkey' })
  id!: WorkloadId;

  @Column({ name: 'tenant_id', type: 'text', collation: 'C' })
  tenantId!: TenantId;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'datacenter_id', type: 'text', collation: 'C', nullable: true })
  datacenterId!: DatacenterId | null;

  @Column({ name: 'provider', type: 'text' })
  provider!: string;

  @Column({ name: 'spec', type: 'jsonb' })
  spec!: InstanceSpec;

  @Column({ name: 'labels', type: 'jsonb', default: {} })
  labels!: Labels;

  @Column({ name: 'replicas', type: 'integer' })
  replicas!: number;

  /** Null in rows from before there were hashes, and in those written by hand. */
  @Column({ name: 'spec_hash', type: 'text', nullable: true })
  specHash!: string | null;

  @Column({ name: 'drift_policy', type: 'text', default: 'restart' })
  driftPolicy!: DriftPolicy;

  /** What differs from the defaults. */
  @Column({ name: 'rollout', type: 'jsonb', default: {} })
  rollout!: Partial<Rollout>;

  @Column({ name: 'paused', type: 'boolean', default: false })
  paused!: boolean;

  @Column({ name: 'deletion_reason', type: 'text', nullable: true })
  deletionReason!: DeletionReason | null;

  @Column({ name: 'conditions', type: 'jsonb', default: [] })
  conditions!: Condition[];

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}
