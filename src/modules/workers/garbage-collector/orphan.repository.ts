import { type InstanceId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';

/** Up to where the instances of a tenant have been examined, in the order of age. */
export interface SweepPosition {
  tenantId: TenantId;
  createdAt: Date;
  instanceId: InstanceId;
}

/**
 * What became of what an orphan belonged to. `deleted_workload`: its workload was deleted. `lost_workload`: it is gone
 * without a record of its deletion. `lost_tenant`: its tenant is gone, which is deleted last otherwise.
 */
export type OrphanCause = 'deleted_workload' | 'lost_workload' | 'lost_tenant';

/** An instance whose label names a workload that does not exist, or whose tenant does not. */
export interface OrphanCandidate {
  instanceId: InstanceId;
  tenantId: TenantId;
  /** What the label says: any text; empty where there is none. */
  workloadId: string;
  cause: OrphanCause;
  /** Whether its label `ctrlplane.gc` says `protect`. */
  protected: boolean;
}

/** An orphan as far as its deletion needs it. */
export type DeletableOrphan = Pick<OrphanCandidate, 'instanceId' | 'workloadId' | 'cause'>;

/** What one look at some tenants brought. */
export interface SweptPage {
  /** Instances that were examined, of each tenant that has any. */
  visited: Partial<Record<TenantId, number>>;
  orphans: OrphanCandidate[];
  /** Where to go on, for each tenant that has more; the others begin again with their oldest. */
  positions: SweepPosition[];
}

/** How a page is swept. */
export interface SweepLimits {
  /** Instances to examine of each tenant. */
  maxInstances: number;
  /** Milliseconds; younger instances are not looked at. By the database's clock, which also dates them. */
  olderThan: number;
}

/**
 * What the garbage collector asks the store, across all tenants: it follows instances, and not the list of
 * tenants, so that those of a deleted tenant are found too. It is set-based: a page of tenants costs one query.
 */
export abstract class OrphanRepository {
  /** Every tenant that has an instance, by id, in lists of that length. */
  abstract tenantsAcrossTenants(pageSize: number): AsyncIterable<TenantId[]>;

  /** Examines the next instances of each of these tenants, from its stored position on, oldest first. */
  abstract sweepAcrossTenants(tenantIds: readonly TenantId[], limits: SweepLimits): Promise<SweptPage>;

  /** Stores where to go on with these tenants; one without a position begins again with its oldest instance. */
  abstract storePositions(tenantIds: readonly TenantId[], positions: readonly SweepPosition[]): Promise<void>;

  /** Whether it still is there, as it was found, and its workload still is not. Rejects when the store cannot say. */
  abstract isOrphan(candidate: DeletableOrphan): Promise<boolean>;

  /**
   * Marks it `destroying` if at that moment, under the lock of its row, `isOrphan` would hold and no brake holds it
   * back. From then on it is being deleted, whatever happens to its workload.
   * @returns whether it is marked. Rejects when the store cannot say.
   */
  abstract claim(candidate: DeletableOrphan): Promise<boolean>;

  /**
   * Deletes those workloads of a tenant that does not exist of which no brake holds an instance back, so that nothing of
   * them is started any more; from then on the tenant counts as deleted.
   * @returns which
   */
  abstract deleteWorkloadsOfLostTenant(tenantId: TenantId): Promise<WorkloadId[]>;

  /**
   * Tenants that were deleted longer ago than that, in milliseconds, as is recorded, and that have left datacenters or
   * workloads, and no instance, with or without a row.
   */
  abstract emptyDeletedTenantsAcrossTenants(olderThan: number): Promise<TenantId[]>;

  /**
   * Whether the tenant is still one of those, however lately it was deleted. If so, whoever makes its row again waits until the
   * current transaction has ended.
   */
  abstract holdEmptyDeletedTenant(tenantId: TenantId): Promise<boolean>;

  /** Forgets what was deleted longer ago than that; milliseconds. */
  abstract forgetDeletionsAcrossTenants(olderThan: number): Promise<void>;
}
