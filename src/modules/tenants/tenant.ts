import { type TenantId } from '../ids/typed-id.js';

/** Whose workloads these are. Everything else belongs to exactly one tenant. */
export interface Tenant {
  id: TenantId;
  /** Unique. */
  name: string;
  createdAt: Date;
}
