import { type InstanceId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Endpoint, type InstanceSpec, type Labels } from '../providers/provider.js';

/**
 * `provisioning`: has a row, and the provider may or may not run it yet. `destroying`: on its way out, also
 * after a crash or a failure half-way; repeating the deletion finishes it.
 */
export const INSTANCE_STATES = ['provisioning', 'running', 'stopped', 'failed', 'destroying'] as const;

export type InstanceState = (typeof INSTANCE_STATES)[number];

/** One running thing: a process, a container. */
export interface Instance {
  id: InstanceId;
  tenantId: TenantId;
  /** The workload named by the label `ctrlplane.workload`, whether or not there still is one. */
  workloadId?: WorkloadId;
  name: string;
  /** Name of the provider that runs it. */
  provider: string;
  state: InstanceState;
  labels: Labels;
  spec: InstanceSpec;
  /** Where it answers; empty until it runs. */
  endpoints: Endpoint[];
  /** How the provider names it: a pid, a container id. */
  ref?: string;
  /** Why the last attempt to make or to remove it failed. */
  lastError?: string;
  createdAt: Date;
  updatedAt: Date;
}

/** An instance as it is first stored: the state is `provisioning`, the times are the database's. */
export type NewInstance = Pick<Instance, 'id' | 'name' | 'provider' | 'labels' | 'spec'>;

/** What changes in the life of an instance. `null` clears. */
export interface InstanceChange {
  state?: InstanceState;
  endpoints?: Endpoint[];
  ref?: string | null;
  lastError?: string | null;
}
