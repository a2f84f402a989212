import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { type BootstrapServiceSpec } from '../bootstrap/bootstrap-spec.js';
import { type DatacenterId, type TenantId } from '../ids/typed-id.js';
import { type Datacenter, type DatacenterStatus } from './datacenter.js';

export const DATACENTER_NAME_KEY = 'datacenters_tenant_id_name_key';

@Entity('datacenters')
@Unique(DATACENTER_NAME_KEY, ['tenantId', 'name'])
@Index('datacenters_tenant_id_created_at_id_idx', ['tenantId', 'createdAt', 'id'])
@Check('datacenters_status_check', `status IN ('active', 'draining', 'maintenance', 'offline')`)
export class DatacenterEntity implements Datacenter {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'datacenters_pkey' })
  id!: DatacenterId;

  @Column({ name: 'tenant_id', type: 'text', collation: 'C' })
  tenantId!: TenantId;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'status', type: 'text', default: 'active' })
  status!: DatacenterStatus;

  @Column({ name: 'bootstrap', type: 'jsonb', default: [] })
  bootstrap!: BootstrapServiceSpec[];

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;
}
