import { type Page, type PageQuery } from '../database/page.js';
import { type InstanceId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import {
  type Instance,
  type InstanceChange,
  type InstanceSeen,
  type InstanceState,
  type NewInstance,
  type RestoredInstance,
} from './instance.js';

export interface InstanceQuery extends PageQuery {
  /** Only those whose label `ctrlplane.workload` says this. */
  workloadId?: WorkloadId | undefined;
}

/** Where instances are kept. Every method refuses a malformed id with `InvalidIdError` before it looks. */
export abstract class InstanceRepository {
  abstract insert(tenantId: TenantId, instance: NewInstance): Promise<Instance>;

  abstract find(tenantId: TenantId, id: InstanceId): Promise<Instance | undefined>;

  /** The tenant's, oldest first. */
  abstract list(tenantId: TenantId, query?: InstanceQuery): Promise<Page<Instance>>;

  /**
   * Changes the instance if it is in one of the states `from` at that moment (default: in any), and as it was
   * `seen`.
   * @returns how it is then; undefined when there is none, or none that is so.
   */
  abstract change(
    tenantId: TenantId,
    id: InstanceId,
    change: InstanceChange,
    from?: readonly InstanceState[],
    seen?: InstanceSeen,
  ): Promise<Instance | undefined>;

  /** Those that exist, of any tenant. */
  abstract findAllAcrossTenants(ids: readonly InstanceId[]): Promise<Instance[]>;

  /** Those without a row and without a record of their deletion. */
  abstract lostAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceId[]>;

  /** Those whose deletion is recorded, and that have no row. */
  abstract deletedAcrossTenants(ids: readonly InstanceId[]): Promise<InstanceId[]>;

  /**
   * Stores an instance again whose row is lost, in the state `provisioning`.
   * @returns undefined when there is one of that id, or it was deleted
   */
  abstract restore(tenantId: TenantId, instance: RestoredInstance): Promise<Instance | undefined>;

  /** What time it is by the clock that stamps the rows. */
  abstract now(): Promise<Date>;

  /** @returns whether this call removed it: of two at the same time, one does. */
  abstract delete(tenantId: TenantId, id: InstanceId): Promise<boolean>;
}
