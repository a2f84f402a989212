import { type BootstrapServiceId, type DatacenterId, type TenantId } from '../ids/typed-id.js';
import { type CheckedBootstrapSpec } from './bootstrap-spec.js';

/**
 * `pending`: wanted, and nothing of it has been made. `provisioning`: instances are being changed to its spec.
 * `running`: all instances run its spec. `failed`: something of it does not run; it is tried again. `retiring`: no
 * longer wanted, and being removed. `retired`: nothing of it is left; wanted again, it is `pending`.
 */
export const BOOTSTRAP_STATES = [
  'pending',
  'provisioning',
  'running',
  'failed',
  'retiring',
  'retired',
] as const;

export type BootstrapState = (typeof BOOTSTRAP_STATES)[number];

/** A bootstrap service on one datacenter. It belongs to the platform, and is no workload of the tenant's. */
export interface BootstrapService {
  id: BootstrapServiceId;
  tenantId: TenantId;
  datacenterId: DatacenterId;
  /** Unique within the datacenter. */
  name: string;
  /** `declared`, or `hook:<name>`. */
  origin: string;
  spec: CheckedBootstrapSpec;
  specHash: string;
  /** Of the spec that was running last. */
  installedHash?: string;
  state: BootstrapState;
  /** Failures in a row. */
  attempts: number;
  /** It is tried again at that time, not before. */
  nextAttemptAt?: Date;
  lastError?: string;
  createdAt: Date;
  updatedAt: Date;
}

/** What a hook contributed last to a datacenter, and whether it has failed since. */
export interface Contribution {
  hook: string;
  specs: CheckedBootstrapSpec[];
  error?: string;
}

/** Labels of its instances, beside those of all instances. */
export const BOOTSTRAP_LABELS = {
  system: 'ctrlplane.system',
  datacenter: 'ctrlplane.datacenter',
  bootstrap: 'ctrlplane.bootstrap',
  program: 'ctrlplane.bootstrap.program',
  hash: 'ctrlplane.bootstrap.hash',
} as const;
