import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { type DomainId, type TenantId } from '../ids/typed-id.js';

export const DOMAIN_HOSTNAME_KEY = 'domains_tenant_id_hostname_key';
export const VERIFIED_HOSTNAME_KEY = 'domains_verified_hostname_key';

@Entity('domains')
@Unique(DOMAIN_HOSTNAME_KEY, ['tenantId', 'hostname'])
@Index('domains_tenant_id_created_at_id_idx', ['tenantId', 'createdAt', 'id'])
@Index(VERIFIED_HOSTNAME_KEY, ['hostname'], { unique: true, where: '(verified_at IS NOT NULL)' })
@Index('domains_verified_parent_idx', { synchronize: false })
export class DomainEntity {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'domains_pkey' })
  id!: DomainId;

  @Column({ name: 'tenant_id', type: 'text', collation: 'C' })
  tenantId!: TenantId;

  @Column({ name: 'hostname', type: 'text' })
  hostname!: string;

  @Column({ name: 'token', type: 'text' })
  token!: string;

  @Column({ name: 'verified_at', type: 'timestamptz', precision: 3, nullable: true })
  verifiedAt!: Date | null;

  @Column({ name: 'cert_expiry', type: 'timestamptz', precision: 3, nullable: true })
  certExpiry!: Date | null;

  @Column({ name: 'unreachable_since', type: 'timestamptz', precision: 3, nullable: true })
  unreachableSince!: Date | null;

  @Column({ name: 'lost_at', type: 'timestamptz', precision: 3, nullable: true })
  lostAt!: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}
