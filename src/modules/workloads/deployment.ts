import { type DeploymentId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec } from '../providers/provider.js';

/**
 * `rolling`: instances are being replaced. `succeeded`: all are of its spec and ready. `failed`: it made no progress
 * and has stopped; what it had replaced stays replaced. `superseded`: another one was begun before it ended.
 */
export type DeploymentState = 'rolling' | 'succeeded' | 'failed' | 'superseded';

/** A change of a workload's spec, active or ended. */
export interface Deployment {
  id: DeploymentId;
  tenantId: TenantId;
  workloadId: WorkloadId;
  spec: InstanceSpec;
  specHash: string;
  /** What the workload ran before: `rollback` returns to it. */
  previousSpec: InstanceSpec;
  state: DeploymentState;
  /** Why it failed. */
  reason?: string;
  /** How many instances of the new spec have been ready at a time. */
  progress: number;
  /** Since when that is so. */
  progressedAt: Date;
  endedAt?: Date;
  createdAt: Date;
}
