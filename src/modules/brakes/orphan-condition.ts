/**
 * Whether the tenant of instance `i` is gone. A tenant has a row before it gets a workload or a bootstrap service;
 * instances that stand for themselves may be of tenants that never had one.
 */
export const TENANT_IS_GONE = `(
  NOT EXISTS (SELECT FROM tenants t WHERE t.id = i.tenant_id)
  AND (i.workload_id IS NOT NULL OR i.labels ->> 'ctrlplane.bootstrap' IS NOT NULL
    OR EXISTS (SELECT FROM deletions d WHERE d.id = i.tenant_id)))`;

/** Whether the workload of instance `i` is gone. */
export const WORKLOAD_IS_GONE = `(
  i.workload_id IS NOT NULL AND NOT EXISTS (SELECT FROM workloads w WHERE w.id = i.workload_id))`;

/** Whether it may be deleted where it is orphaned. */
export const IS_UNPROTECTED = `i.labels ->> 'ctrlplane.gc' IS DISTINCT FROM 'protect'`;
