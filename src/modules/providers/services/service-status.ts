import {
  type DesiredState,
  type InstanceSpec,
  type ProviderInstance,
  type ProviderState,
  type ServiceStatus,
} from '../provider.js';
import { kindOf } from './service-plan.js';
import { serviceNames } from './service-programs.js';
import { MAIN } from './service-spec.js';

/** What an instance is, as it follows from its services: for every provider. */

/** What a provider has found of one service. */
export interface FoundService {
  status: ServiceStatus;
  /** Of the spec that it was made from. Absent: not known. */
  specHash: string | undefined;
}

/** `services` is absent for an instance that is its main program and nothing else. */
export function statusOfInstance(
  spec: Pick<InstanceSpec, 'services'>,
  found: readonly FoundService[],
  desiredState: DesiredState,
): Pick<ProviderInstance, 'state' | 'desiredState' | 'specHash' | 'exitCode' | 'services'> {
  const statuses = new Map(found.map(({ status }) => [status.name, status]));
  // Those of the spec in its order, then what is left of others.
  const names = new Set([...serviceNames(spec), ...statuses.keys()]);
  const services = [...names].map(
    (name): ServiceStatus => statuses.get(name) ?? { name, kind: kindOf(spec, name), state: 'missing' },
  );
  const state = stateOfServices(services, desiredState);
  const exitCode = state === 'exited' ? exitCodeOfServices(services) : undefined;
  return {
    state,
    desiredState,
    specHash: hashOfServices(found.map(({ specHash }) => specHash)),
    ...(exitCode !== undefined && { exitCode }),
    ...(services.length > 1 && { services }),
  };
}

/**
 * The state of an instance. One that was told to stop and of which something still runs is `running`, so that it is told
 * again; one that lacks a service is `exited`, so that it is started again, or `stopped` where its start did not come to the main
 * program.
 */
export function stateOfServices(services: readonly ServiceStatus[], desired: DesiredState): ProviderState {
  const lasting = services.filter(({ kind }) => kind !== 'init');
  if (services.some(({ state }) => state === 'unknown')) return 'unknown';
  if (desired === 'stopped') return services.some(({ state }) => state === 'running') ? 'running' : 'stopped';
  if (lasting.every(({ state }) => state === 'running')) return 'running';
  const main = lasting.find(({ kind }) => kind === 'main')?.state;
  const hasBegun = main === 'running' || lasting.some(({ state }) => state === 'exited');
  return hasBegun ? 'exited' : 'stopped';
}

/** That of the main program, else of the first service that has ended and should not have. */
export function exitCodeOfServices(services: readonly ServiceStatus[]): number | undefined {
  const ended = services.filter(
    ({ kind, state, exitCode }) => state === 'exited' && !(kind === 'init' && exitCode === 0),
  );
  return (ended.find(({ name }) => name === MAIN) ?? ended[0])?.exitCode;
}

/** Of the specs that the services were made from. Those of a replacement that was cut off differ: no spec has such a hash. */
export function hashOfServices(hashes: readonly (string | undefined)[]): string | undefined {
  const [first] = hashes;
  return hashes.every((hash) => hash === first) ? first : `mixed:${hashes.map(String).toSorted().join(':')}`;
}
