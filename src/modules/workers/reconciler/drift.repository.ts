import { type InstanceId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { type DeletionReason } from '../../instances/deletion.js';
import { type ComparedInstance } from '../../instances/instance-drift.js';
import { type DriftPolicy } from '../../workloads/workload.js';

/** As much of an instance's row as a comparison needs. */
export interface DriftRow extends ComparedInstance {
  id: InstanceId;
  /** Milliseconds until it may be tried again; 0: now. */
  wait: number;
}

/** A request that no replica has carried out. */
export interface WaitingInstance {
  id: InstanceId;
  /** Milliseconds since it was asked for. */
  age: number;
}

/** A workload that differs from its spec, by its rows. */
export interface UnconvergedWorkload {
  id: WorkloadId;
  tenantId: TenantId;
  /** Set when it is being removed. */
  deletionReason?: DeletionReason;
}

/** What the reconciler asks the instances' table, and where it notes which stores there are. */
export abstract class DriftRepository {
  /** All rows of a store. One statement. */
  abstract rowsAcrossTenants(store: string): Promise<DriftRow[]>;

  /**
   * Gives rows of that provider which name no store to the store: those that it lists, and all of them when it is
   * the only store of that provider that is known.
   * @returns how many
   */
  abstract adoptAcrossTenants(
    store: string,
    provider: string,
    listed: readonly InstanceId[],
  ): Promise<number>;

  /** Whether any row of that provider names no store. */
  abstract hasUnplacedAcrossTenants(provider: string): Promise<boolean>;

  /** The drift policy of each workload; workloads that are gone are left out. */
  abstract policiesAcrossTenants(workloads: readonly WorkloadId[]): Promise<Map<WorkloadId, DriftPolicy>>;

  /**
   * Notes that the holder reaches the store, and holds it so long, in milliseconds.
   * @returns 0 when it does; else for how many milliseconds another replica still holds it, 1 or more
   */
  abstract hold(store: string, provider: string, holder: string, duration: number): Promise<number>;

  /** When the store was held last; undefined when it never was. */
  abstract seenAcrossTenants(store: string): Promise<Date | undefined>;

  /** Lets go of all that the holder holds. */
  abstract release(holder: string): Promise<void>;

  /**
   * Workloads that are being removed, are rolling, were not available when they were looked at last, or have another
   * number of instances than they ask for.
   */
  abstract unconvergedAcrossTenants(): Promise<UnconvergedWorkload[]>;

  /** How many instances workloads ask for and have no row of. */
  abstract unmadeAcrossTenants(): Promise<number>;

  /** Requests that are older than `age`, in milliseconds, in stores that no replica has reached for as long. */
  abstract waitingAcrossTenants(age: number): Promise<WaitingInstance[]>;
}
