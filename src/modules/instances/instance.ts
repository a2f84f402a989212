import { type InstanceId, type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type DesiredState, type Endpoint, type InstanceSpec, type Labels } from '../providers/provider.js';
import { type DeletionReason } from './deletion.js';

/**
 * `provisioning`: has a row, and the provider may or may not run it yet. `destroying`: being deleted, also after a
 * crash or a failure; repeating the deletion finishes it.
 */
export const INSTANCE_STATES = ['provisioning', 'running', 'stopped', 'failed', 'destroying'] as const;

export type InstanceState = (typeof INSTANCE_STATES)[number];

/**
 * Why an instance is not well. `exited`, `missing`: it ran, and then did not. `crash_looping`: it has ended again and
 * again soon after its start. `init_failed`: it has never run. `waiting_for_host`: what was asked for waits for a
 * replica that reaches the instance's store.
 */
export const INSTANCE_REASONS = [
  'exited',
  'missing',
  'crash_looping',
  'init_failed',
  'port_taken',
  'image_missing',
  'out_of_resources',
  'provider_failed',
  'waiting_for_host',
] as const;

export type InstanceReason = (typeof INSTANCE_REASONS)[number];

/** One running thing: a process, a container. */
export interface Instance {
  id: InstanceId;
  tenantId: TenantId;
  /** The workload named by the label `ctrlplane.workload`, whether or not there still is one. */
  workloadId?: WorkloadId;
  name: string;
  /** Name of the provider that runs it. */
  provider: string;
  /** Identity of the store that holds it; absent for rows from before stores had one, until theirs is found. */
  providerStore?: string;
  state: InstanceState;
  /** Since when it is in that state, by the database's clock. A restart counts as well. */
  stateSince: Date;
  /** The requested state, unless it is `destroying`. */
  desiredState: DesiredState;
  labels: Labels;
  /** The requested spec. */
  spec: InstanceSpec;
  /** `specHash` of the spec. */
  specHash: string;
  /** Where it answers; empty until it runs. */
  endpoints: Endpoint[];
  /** How the provider names it: a pid, a container id. */
  ref?: string;
  /** Absent while it is well. */
  reason?: InstanceReason;
  /** Why the last attempt to make or to remove it failed. */
  lastError?: string;
  /** With which code it has ended last, where that is known. */
  exitCode?: number;
  /** Its last words when it failed last, without the values of its environment. */
  logTail?: string;
  /** Attempts to make or to remove it that failed, or starts after which it ended soon, in a row. */
  attempts: number;
  /** Not before then is the next one made. */
  nextAttemptAt?: Date;
  /** Since when a change waits to be carried out. */
  requestedAt?: Date;
  /** A restart is requested, whether or not anything else differs. */
  restartRequested: boolean;
  /** Why it is being removed. */
  deletionReason?: DeletionReason;
  createdAt: Date;
  updatedAt: Date;
}

/** An instance as it is first stored: the state is `provisioning`, the times are the database's. */
export type NewInstance = Pick<Instance, 'id' | 'name' | 'provider' | 'providerStore' | 'labels' | 'spec'>;

/** An instance whose row was lost, as its provider knows it. */
export type RestoredInstance = NewInstance & Pick<Instance, 'desiredState'>;

/** What changes in the life of an instance. `null` clears. */
export interface InstanceChange {
  state?: InstanceState;
  /** Counts as a new beginning of the state, although it is the same. */
  renewed?: boolean;
  desiredState?: DesiredState;
  /** Its hash follows. */
  spec?: InstanceSpec;
  providerStore?: string;
  endpoints?: Endpoint[];
  ref?: string | null;
  reason?: InstanceReason | null;
  lastError?: string | null;
  exitCode?: number | null;
  logTail?: string | null;
  attempts?: number;
  /** Milliseconds from now, by the database's clock. */
  nextAttemptIn?: number | null;
  /** Notes that a change waits, since now unless one waits already; false: none does any more. */
  requested?: boolean;
  restartRequested?: boolean;
  deletionReason?: DeletionReason;
}

/** On what a decision was made: a change happens only if the instance is still so. */
export interface InstanceSeen {
  state?: InstanceState;
  desiredState?: DesiredState;
  specHash?: string;
  attempts?: number;
  restartRequested?: boolean;
  /** Null: it has none. */
  ref?: string | null;
}
