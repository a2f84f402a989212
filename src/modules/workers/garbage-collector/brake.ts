import { type InstanceId, type TenantId } from '../../ids/typed-id.js';

/**
 * `engaged`: nothing of the tenant is deleted until the set has been seen for long enough, or somebody decides.
 * `refused`: somebody said that the set is to stay; only a confirmation, or the end of the orphans, ends that.
 * `confirmed`: exactly the set is being deleted.
 */
export const BRAKE_STATES = ['engaged', 'refused', 'confirmed'] as const;

export type BrakeState = (typeof BRAKE_STATES)[number];

/**
 * Why it was engaged: too much of the tenant looked orphaned, or too much of all tenants together, or there is no
 * workload at all any more.
 */
export type BrakeCause = 'tenant' | 'all_tenants' | 'no_workloads';

/** A tenant in which so much looks orphaned that a lost table is likelier than lost workloads. */
export interface Brake {
  tenantId: TenantId;
  state: BrakeState;
  cause: BrakeCause;
  /** Names the set of orphans as it is now. Whoever decides says which set they saw. */
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
  /** Subject of the claims of whoever decided last; absent while nobody has. */
  decidedBy?: string;
}

/** An instance that a brake holds back. */
export interface BrakedInstance {
  instanceId: InstanceId;
  /** The workload that does not exist. */
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
