import { type DatacenterId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type InstanceSpec, type Labels } from '../providers/provider.js';

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
  /** How many instances there are to be. */
  replicas: number;
  createdAt: Date;
  updatedAt: Date;
}
