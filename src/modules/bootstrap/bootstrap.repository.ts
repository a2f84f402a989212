import { type BootstrapServiceId, type DatacenterId } from '../ids/typed-id.js';
import { type Datacenter } from '../datacenters/datacenter.js';
import { type Instance } from '../instances/instance.js';
import { type BootstrapService, type BootstrapState, type Contribution } from './bootstrap-service.js';
import { type CheckedBootstrapSpec } from './bootstrap-spec.js';

/** What changes in the life of a bootstrap service. `null` clears. */
export interface BootstrapChange {
  state?: BootstrapState;
  origin?: string;
  /** Its hash follows. */
  spec?: CheckedBootstrapSpec;
  installedHash?: string | null;
  attempts?: number;
  /** Milliseconds from now, by the database's clock. */
  nextAttemptIn?: number | null;
  lastError?: string | null;
}

/** Where bootstrap services are kept. They are the platform's: no method is for one tenant. */
export abstract class BootstrapRepository {
  /** Of one datacenter, by name; the retired ones as well. */
  abstract listAcrossTenants(datacenterId: DatacenterId): Promise<BootstrapService[]>;

  /** Stores a new one as `pending`; undefined when the datacenter has one of that name, or is gone. */
  abstract insert(
    datacenter: Pick<Datacenter, 'id' | 'tenantId'>,
    origin: string,
    spec: CheckedBootstrapSpec,
  ): Promise<BootstrapService | undefined>;

  /** @returns how it is then; undefined when it is gone, or in none of the states `from` (default any). */
  abstract change(
    id: BootstrapServiceId,
    change: BootstrapChange,
    from?: readonly BootstrapState[],
  ): Promise<BootstrapService | undefined>;

  /** The service, held until the current transaction ends. */
  abstract lock(id: BootstrapServiceId): Promise<BootstrapService | undefined>;

  /** Instances of all bootstrap services of the datacenter, oldest first. */
  abstract instancesAcrossTenants(datacenterId: DatacenterId): Promise<Instance[]>;

  abstract contributions(datacenterId: DatacenterId): Promise<Contribution[]>;

  /** Replaces what is kept of the hook. */
  abstract keepContribution(datacenterId: DatacenterId, contribution: Contribution): Promise<void>;

  /** Of a hook that no longer exists. */
  abstract dropContribution(datacenterId: DatacenterId, hook: string): Promise<void>;
}
