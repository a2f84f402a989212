import { type Page, type PageQuery } from '../database/page.js';
import { type TenantId, type WorkloadId } from '../ids/typed-id.js';
import { type Condition } from '../instances/condition.js';
import { type DeletionReason } from '../instances/deletion.js';
import { type InstanceSpec } from '../providers/provider.js';
import { type DriftPolicy, type Rollout, type Workload } from './workload.js';

/** A workload as it is first stored: the times are the database's. */
export type NewWorkload = Pick<
  Workload,
  'id' | 'name' | 'datacenterId' | 'provider' | 'spec' | 'labels' | 'replicas'
> &
  Partial<Pick<Workload, 'driftPolicy' | 'rollout'>>;

/** What may change in a workload. */
export interface WorkloadChange {
  replicas?: number;
  /** Its hash follows. */
  spec?: InstanceSpec;
  driftPolicy?: DriftPolicy;
  rollout?: Rollout;
  paused?: boolean;
  deletionReason?: DeletionReason;
  conditions?: Condition[];
}

/** Where workloads are kept. Every method refuses a malformed id with `InvalidIdError` before it looks. */
export abstract class WorkloadRepository {
  /** @throws WorkloadNameTakenError */
  abstract insert(tenantId: TenantId, workload: NewWorkload): Promise<Workload>;

  abstract find(tenantId: TenantId, id: WorkloadId): Promise<Workload | undefined>;

  abstract findByName(tenantId: TenantId, name: string): Promise<Workload | undefined>;

  /** The tenant's, oldest first. */
  abstract list(tenantId: TenantId, query?: PageQuery): Promise<Page<Workload>>;

  /**
   * The workload, held until the current transaction ends: another `lock`, `setReplicas` and `delete` of it
   * wait for that. Its instances are added under this lock, so that two callers do not both add the last one.
   */
  abstract lock(tenantId: TenantId, id: WorkloadId): Promise<Workload | undefined>;

  /** @returns how it is then, or undefined when there is none. */
  abstract change(tenantId: TenantId, id: WorkloadId, change: WorkloadChange): Promise<Workload | undefined>;

  /** @returns how it is then, or undefined when there is none. */
  abstract setReplicas(tenantId: TenantId, id: WorkloadId, replicas: number): Promise<Workload | undefined>;

  /** @returns whether this call removed it. */
  abstract delete(tenantId: TenantId, id: WorkloadId): Promise<boolean>;
}
