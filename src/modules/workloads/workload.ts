import { type DatacenterId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type DeletionReason } from '../instances/deletion.js';
import { type Condition } from '../instances/condition.js';
import { type InstanceSpec, type Labels } from '../providers/provider.js';

/**
 * What becomes of an instance that ended without being asked to. `restart`: it is started again, for ever, with
 * growing waits. `mark`: its row says so. `ignore`: nothing is done and nothing is said.
 */
export const DRIFT_POLICIES = ['restart', 'mark', 'ignore'] as const;

export type DriftPolicy = (typeof DRIFT_POLICIES)[number];

/** How instances are replaced when the spec changes. Lengths of time in milliseconds. */
export interface Rollout {
  /** How many may be missing meanwhile. Default 0. */
  maxUnavailable: number;
  /** How many there may be beyond the replicas. Default 1. */
  maxSurge: number;
  /** How long a new one has to run to count as ready, where nothing checks its health. Default 5 s. */
  minReady: number;
  /** After how long without progress the deployment has failed. Default 2 m. */
  progressDeadline: number;
}

export const DEFAULT_ROLLOUT: Rollout = {
  maxUnavailable: 0,
  maxSurge: 1,
  minReady: 5_000,
  progressDeadline: 120_000,
};

/** What is to run, and how many of it. Its instances are made and removed to match. */
export interface Workload {
  id: WorkloadId;
  tenantId: TenantId;
  /** Unique within the tenant. */
  name: string;
  datacenterId?: DatacenterId;
  /** Name of the provider that runs its instances. */
  provider: string;
  spec: InstanceSpec;
  /** The user's own, given to every instance beside the control plane's. */
  labels: Labels;
  /** The wanted number of instances. */
  replicas: number;
  /** `specHash` of the spec. */
  specHash: string;
  driftPolicy: DriftPolicy;
  rollout: Rollout;
  /** While a deployment is paused nothing is replaced; instances that end are started again all the same. */
  paused: boolean;
  /** Set when its deletion has begun. */
  deletionReason?: DeletionReason;
  /** Its conditions, as of the last comparison. */
  conditions: Condition[];
  createdAt: Date;
  updatedAt: Date;
}
