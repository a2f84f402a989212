import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { type DatacenterId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec, type Labels } from '../providers/provider.js';

export const WORKLOAD_NAME_KEY = 'workloads_tenant_id_name_key';

@Entity('workloads')
@Unique(WORKLOAD_NAME_KEY, ['tenantId', 'name'])
@Index('workloads_tenant_id_created_at_id_idx', ['tenantId', 'createdAt', 'id'])
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

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}
