import { DatacenterEntity } from '../datacenters/datacenter.entity.js';
import { InstanceEntity } from '../instances/instance.entity.js';
import { DomainEntity } from '../network/domain.entity.js';
import { RouteEntity } from '../network/route.entity.js';
import { TenantEntity } from '../tenants/tenant.entity.js';
import { WorkloadEntity } from '../workloads/workload.entity.js';

/**
 * Every table that TypeORM maps. `events` is not among them: it is an append-only log whose columns
 * (`xid8`) TypeORM does not know, written and read by the statements in `events/event.log.ts`.
 */
export const ENTITIES = [
  TenantEntity,
  DatacenterEntity,
  WorkloadEntity,
  InstanceEntity,
  DomainEntity,
  RouteEntity,
];
