import { type Page, type PageQuery } from '../database/page.js';
import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import {
  type Brake,
  type BrakeCause,
  type BrakedInstance,
  type BrakeState,
  type Observation,
  type OrphanShare,
} from './brake.js';

/** Limits of a look at a brake. In milliseconds, by the database's clock. */
export interface BrakeLimits {
  /** Younger instances are in no set. */
  olderThan: number;
  /** How long a set must have been the same until a look confirms it. */
  confirmAfter: number;
}

/** What a store holds without a row. */
export interface RowlessInstance {
  tenantId: TenantId;
  instanceId: InstanceId;
  /** What its label says, if that is the id of a workload; else empty. */
  workloadId: string;
}

/** Where brakes are kept, each with the set of instances that it holds back. */
export abstract class BrakeRepository {
  /** All of them, by tenant. */
  abstract listAcrossTenants(query?: PageQuery): Promise<Page<Brake>>;

  abstract find(tenantId: TenantId): Promise<Brake | undefined>;

  /** The set that the brake holds back, oldest id first. */
  abstract instances(tenantId: TenantId, query?: PageQuery): Promise<Page<BrakedInstance>>;

  /** Whether there is any workload at all. */
  abstract hasWorkloadsAcrossTenants(): Promise<boolean>;

  /** Looks at the whole of a tenant, whatever part of it a tick examines. */
  abstract share(tenantId: TenantId, olderThan: number): Promise<OrphanShare>;

  /**
   * Engages the brake on all that is orphaned in the tenant now.
   * @returns it; undefined when there is one already, or nothing is orphaned any more
   */
  abstract engage(tenantId: TenantId, cause: BrakeCause, olderThan: number): Promise<Brake | undefined>;

  /**
   * Compares the set with what is orphaned now. The same set for `confirmAfter` is confirmed; any other takes its
   * place, and the time begins anew. A confirmed one only shrinks. With nothing left in it the brake goes.
   * @returns an empty observation when there is no brake
   */
  abstract observe(tenantId: TenantId, limits: BrakeLimits): Promise<Observation>;

  /**
   * Confirms or refuses that very set.
   * @returns undefined when there is no brake, or the set is another by now
   */
  abstract decide(
    tenantId: TenantId,
    set: string,
    state: Exclude<BrakeState, 'engaged'>,
    by: string,
  ): Promise<Brake | undefined>;

  /**
   * Notes all that the store holds without a row; what it held before and does not any more is forgotten.
   * @returns the tenants of both
   */
  abstract noteRowless(store: string, instances: readonly RowlessInstance[]): Promise<TenantId[]>;

  /**
   * What brakes say of each of these: `held`, it may not be removed; `confirmed`, it may. Those that no brake says anything
   * of are left out.
   */
  abstract verdictsAcrossTenants(
    instances: readonly RowlessInstance[],
  ): Promise<Map<InstanceId, 'held' | 'confirmed'>>;

  /** Those of the tenants of whom there is nothing: no row, no instance, no record that they were deleted. */
  abstract unknownTenantsAcrossTenants(tenantIds: readonly TenantId[]): Promise<TenantId[]>;

  /** Takes the brake away without a decision. @returns whether there was one */
  abstract remove(tenantId: TenantId): Promise<boolean>;
}
