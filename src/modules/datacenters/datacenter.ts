import { type BootstrapServiceSpec } from '../bootstrap/bootstrap-spec.js';
import { type DatacenterId, type TenantId } from '../ids/typed-id.js';

/** `draining` and `maintenance` take nothing new; `offline` is left alone altogether. */
export const DATACENTER_STATUSES = ['active', 'draining', 'maintenance', 'offline'] as const;

export type DatacenterStatus = (typeof DATACENTER_STATUSES)[number];

/** A place in which a tenant's workloads run. */
export interface Datacenter {
  id: DatacenterId;
  tenantId: TenantId;
  /** Unique within the tenant. */
  name: string;
  status: DatacenterStatus;
  /** Bootstrap services that it declares itself. */
  bootstrap: BootstrapServiceSpec[];
  createdAt: Date;
}
