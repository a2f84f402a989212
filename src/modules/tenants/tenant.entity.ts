import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { type TenantId } from '../ids/typed-id.js';
import { type Tenant } from './tenant.js';

export const TENANT_NAME_KEY = 'tenants_name_key';

@Entity('tenants')
@Unique(TENANT_NAME_KEY, ['name'])
@Index('tenants_created_at_id_idx', ['createdAt', 'id'])
export class TenantEntity implements Tenant {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'tenants_pkey' })
  id!: TenantId;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;
}
