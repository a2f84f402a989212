import { type DeploymentId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec } from '../providers/provider.js';
import { type Deployment, type DeploymentState } from './deployment.js';

/** Where deployments are kept. Of each workload one at most is `rolling`. */
export abstract class DeploymentRepository {
  /** Stores a new one as `rolling`. One that was rolling becomes `superseded`. */
  abstract begin(
    tenantId: TenantId,
    deployment: { workloadId: WorkloadId; spec: InstanceSpec; previousSpec: InstanceSpec },
  ): Promise<Deployment>;

  /** The last one of the workload. */
  abstract latest(tenantId: TenantId, workloadId: WorkloadId): Promise<Deployment | undefined>;

  /** The workload's, newest first. */
  abstract list(tenantId: TenantId, workloadId: WorkloadId, limit?: number): Promise<Deployment[]>;

  /** Notes how far it is, if that is further than before and it is rolling. */
  abstract progress(tenantId: TenantId, id: DeploymentId, progress: number): Promise<void>;

  /** Has the time without progress begin now, as after a pause, of the one that is rolling. */
  abstract renew(tenantId: TenantId, workloadId: WorkloadId): Promise<void>;

  /** @returns whether this call ended it: only what is rolling ends. */
  abstract end(
    tenantId: TenantId,
    id: DeploymentId,
    state: Exclude<DeploymentState, 'rolling'>,
    reason?: string,
  ): Promise<boolean>;
}
