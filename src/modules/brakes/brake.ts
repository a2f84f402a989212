import { type InstanceId, type TenantId } from '../ids/typed-id.js';

/**
 * `engaged`: nothing of the tenant is deleted until the set has stayed the same for long enough, or a user decides.
 * `refused`: a user decided that the set stays; only a confirmation, or the end of the orphans, ends that.
 * `confirmed`: exactly the set is being deleted.
 */
export const BRAKE_STATES = ['engaged', 'refused', 'confirmed'] as const;

export type BrakeState = (typeof BRAKE_STATES)[number];

/**
 * Why it was engaged.
 *
 * By what is recorded: `lost_workloads`, workloads are gone without a record of their deletion; `lost_tenant`, the
 * tenant is gone before its instances; `lost_rows`, a store holds instances whose rows are gone; `unknown_tenant`, it
 * holds instances of a tenant of whom there is nothing in this database, which may be another control plane's: only a
 * user's decision ends this.
 *
 * By numbers: `tenant`, too much of the tenant looks orphaned; `all_tenants`, too much of all of them together;
 * `no_workloads`, there is no workload at all any more.
 */
export type BrakeCause =
  | 'lost_workloads'
  | 'lost_tenant'
  | 'lost_rows'
  | 'unknown_tenant'
  | 'tenant'
  | 'all_tenants'
  | 'no_workloads';

/** A tenant in which what looks orphaned has likelier lost its rows than its workloads. */
export interface Brake {
  tenantId: TenantId;
  state: BrakeState;
  cause: BrakeCause;
  /** Identifies the set of orphans as it is now. A decision names the set that was shown. */
  set: string;
  /** Instances in the set. */
  orphans: number;
  /** Instances of the tenant that were old enough to be examined. */
  examined: number;
  engagedAt: Date;
  /** Since when the set has been this very one. */
  seenSince: Date;
  /** The last pass that found it so. */
  lastSeenAt: Date;
  /** Subject of the claims of the last decision; absent before the first. */
  decidedBy?: string;
}

/** An instance that a brake holds back. */
export interface BrakedInstance {
  instanceId: InstanceId;
  /** The workload that its label names; empty where there is none. */
  workloadId: string;
}

/** How much of a tenant looks orphaned. */
export interface OrphanShare {
  /** Instances that are old enough. */
  examined: number;
  /** Those of them whose workload does not exist, protected ones included. */
  orphaned: number;
}

/** What `observe` found. */
export interface Observation {
  /** Absent: nothing of the tenant is orphaned any more, and the brake is gone. */
  brake?: Brake;
  /** `confirmed` when this look ended the wait; `recovered` when nothing is orphaned any more. */
  released?: 'confirmed' | 'recovered';
}
