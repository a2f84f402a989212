/** Why an instance is removed. The event `instance.deleted` carries it. */
export const DELETION_REASONS = [
  'requested',
  'scaled_down',
  'replaced',
  'workload_deleted',
  'tenant_deleted',
  'orphan_swept',
  'bootstrap_retired',
] as const;

export type DeletionReason = (typeof DELETION_REASONS)[number];

export interface DeleteOptions {
  /** Default `requested`. */
  reason?: DeletionReason | undefined;
  /** Stops between two steps, and what the provider is doing. Repeating the call goes on. */
  signal?: AbortSignal | undefined;
}

/**
 * `removed`: it is gone. `requested`: it is in a store that this replica does not reach; a replica that does will
 * remove it, and the row says since when it waits.
 */
export type Deletion = 'removed' | 'requested';
