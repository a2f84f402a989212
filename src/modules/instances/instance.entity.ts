import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { type InstanceId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Endpoint, type InstanceSpec, type Labels } from '../providers/provider.js';
import { type InstanceState } from './instance.js';

/**
 * No foreign key to `workloads` or `tenants`: rows there are also removed by hand and by restored backups,
 * and what then is left over is still running somewhere. The garbage collector needs the row to find it.
 */
@Entity('instances')
// The workload is in it so that the garbage collector reads nothing but the index.
@Index('instances_tenant_id_created_at_id_workload_id_idx', ['tenantId', 'createdAt', 'id', 'workloadId'])
@Index('instances_workload_id_idx', ['workloadId'])
@Check('instances_state_check', `state IN ('provisioning', 'running', 'stopped', 'failed', 'destroying')`)
export class InstanceEntity {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'instances_pkey' })
  id!: InstanceId;

  @Column({ name: 'tenant_id', type: 'text', collation: 'C' })
  tenantId!: TenantId;

  /** Any text that somebody wrote into the label, well-formed or not. */
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
