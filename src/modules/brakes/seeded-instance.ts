import { type TenantId } from '../ids/typed-id.js';

/** An instance that a case needs. */
export interface SeededInstance {
  tenantId: TenantId;
  /** Becomes the label `ctrlplane.workload`, whatever it is; absent: no such label. */
  workloadId?: string;
  /** Milliseconds since it was created. */
  age: number;
  protected?: boolean;
}
