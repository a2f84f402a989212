import { type ModuleMetadata, type Type } from '@nestjs/common';
import { InvalidInputError } from '../input/input.errors.js';
import { EgressPolicy, type EgressOptions } from '../network-policy/egress-policy.js';
import { resolveBy, resolveBySystem, type Resolve } from '../network-policy/dial.js';
import { type HealthCheckRepository } from './health-check.repository.js';
import { type HealthEvents } from './health-events.js';
import { type HealthHistoryRepository } from './health-history.repository.js';
import { type MaintenanceRepository } from './maintenance.repository.js';
import { type HistoryOptions } from './postgres-health-history.repository.js';

/** Where a host keeps health checks itself: each a provider, or a class whose dependencies `imports` export. */
export interface HealthStores extends Pick<ModuleMetadata, 'imports'> {
  checks: Type<HealthCheckRepository> | HealthCheckRepository;
  history: Type<HealthHistoryRepository> | HealthHistoryRepository;
  maintenance: Type<MaintenanceRepository> | MaintenanceRepository;
  /** Default: heard by this process alone. */
  events?: Type<HealthEvents> | HealthEvents;
}

/** Options of `HealthModule.forRoot`. */
export interface HealthOptions {
  /**
   * Where checks and results are kept: `postgres`, the default, needs the `DatabaseModule`; `memory` is gone with the
   * process. Or the host's own, each of which keeps what its contract suite says.
   */
  store?: 'postgres' | 'memory' | HealthStores | undefined;
  /** Whether checks may belong to instances of the control plane. Default true with `postgres`. */
  instances?: boolean | undefined;
  /** Which addresses checks may reach besides public ones. */
  egress?: EgressOptions | undefined;
  /** Name servers to ask in place of the system's resolver, such as `['10.0.0.2', '[fd00::53]:5353']`. */
  nameServers?: readonly string[] | undefined;
  /** How long results are kept, and how many bytes of them, with `postgres`. */
  history?: HistoryOptions | undefined;
}

export const HEALTH_OPTIONS = Symbol.for('ctrlplane-workers/health-options');

/** @throws InvalidNetworkError */
export function policyOf({ egress }: HealthOptions): EgressPolicy {
  return new EgressPolicy(egress);
}

/** @throws InvalidInputError */
export function resolverOf({ nameServers }: HealthOptions): Resolve {
  if (nameServers === undefined) return resolveBySystem;
  try {
    return resolveBy(nameServers);
  } catch (error) {
    throw new InvalidInputError('health option', [`nameServers: ${(error as Error).message}`]);
  }
}
