import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { type DomainId, type RouteId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Route, type RouteProtocol } from './route.js';

export const ROUTE_TARGET_KEY = 'routes_domain_id_path_workload_id_key';

@Entity('routes')
@Unique(ROUTE_TARGET_KEY, ['domainId', 'path', 'workloadId'])
@Index('routes_tenant_id_created_at_id_idx', ['tenantId', 'createdAt', 'id'])
export class RouteEntity implements Route {
  @PrimaryColumn({ name: 'id', type: 'text', collation: 'C', primaryKeyConstraintName: 'routes_pkey' })
  id!: RouteId;

  @Column({ name: 'tenant_id', type: 'text', collation: 'C' })
  tenantId!: TenantId;

  @Column({ name: 'domain_id', type: 'text', collation: 'C' })
  domainId!: DomainId;

  @Column({ name: 'path', type: 'text' })
  path!: string;

  @Column({ name: 'workload_id', type: 'text', collation: 'C' })
  workloadId!: WorkloadId;

  @Column({ name: 'port', type: 'integer' })
  port!: number;

  @Column({ name: 'protocol', type: 'text', default: 'http' })
  protocol!: RouteProtocol;

  @Column({ name: 'weight', type: 'integer', default: 100 })
  weight!: number;

  @Column({ name: 'strip_prefix', type: 'boolean', default: false })
  stripPrefix!: boolean;

  @Column({ name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', precision: 3, default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}
