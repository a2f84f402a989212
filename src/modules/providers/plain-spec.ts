import { type InstanceId } from '../ids/typed-id.js';
import { CapabilityNotSupportedError, SpecNotSupportedError } from './provider.errors.js';
import { type InstanceSpec, type LogOptions } from './provider.js';
import { parseLogOptions } from './provision-request.schema.js';

/**
 * Refuses what only containers have, so that nobody believes in a limit that does not hold. An image is let through: one
 * workload may run as a container here and as a process there.
 * @throws SpecNotSupportedError
 */
export function requirePlain(
  provider: string,
  id: InstanceId,
  { limits, volumes, networks, ports }: InstanceSpec,
): void {
  const fix = 'remove it, or let a provider of containers run it';
  if (Object.values(limits ?? {}).some((limit) => limit !== undefined))
    throw new SpecNotSupportedError(id, provider, 'limits', fix);
  if (volumes?.length) throw new SpecNotSupportedError(id, provider, 'volumes', fix);
  if (networks?.length) throw new SpecNotSupportedError(id, provider, 'networks', fix);
  if (ports?.some(({ containerPort }) => containerPort !== undefined))
    throw new SpecNotSupportedError(id, provider, 'ports.containerPort', fix);
}

/**
 * Log options of a provider that notes no times beside its lines.
 * @throws InvalidInputError, CapabilityNotSupportedError
 */
export function parsePlainLogOptions(provider: string, options: LogOptions): { tail: number } {
  const { tail, since } = parseLogOptions(options);
  if (since) throw new CapabilityNotSupportedError(provider, 'logs.since');
  return { tail };
}
