import { type InstanceId } from '../ids/typed-id.js';
import { InvalidInputError } from '../input/input.errors.js';
import { CapabilityNotSupportedError, SpecNotSupportedError } from './provider.errors.js';
import { type Capability, type InstanceSpec, type LogOptions, type Provider } from './provider.js';
import { parseLogOptions } from './provision-request.schema.js';

/** A part of a spec that a provider cannot give, or lacks. */
interface Unsupported {
  part: string;
  fix: string;
}

const FIX = 'remove it, or let a provider of containers run it';

/** Refused rather than ignored, so that nobody believes in a limit that does not hold, or in an image that is not run. */
function unsupportedBy(can: ReadonlySet<Capability>, spec: InstanceSpec): Unsupported[] {
  const found = unsupportedProgram(can, spec);
  if (spec.networks?.length && !can.has('networks')) found.push({ part: 'networks', fix: FIX });
  const services = spec.services ?? [];
  if (services.length && !can.has('services'))
    found.push({ part: 'services', fix: 'remove them, or let another provider run it' });
  else
    for (const { name, ...service } of services)
      for (const { part, fix } of unsupportedProgram(can, service))
        found.push({ part: `services.${name}.${part}`, fix });
  return found;
}

function unsupportedProgram(
  can: ReadonlySet<Capability>,
  { image, limits, volumes, ports }: InstanceSpec,
): Unsupported[] {
  const found: Unsupported[] = [];
  const without = (capability: Capability, part: string, isAsked: unknown) => {
    if (isAsked && !can.has(capability)) found.push({ part, fix: FIX });
  };
  if (can.has('images') && image === undefined)
    found.push({ part: 'image', fix: 'it has none: name the image that it is to run' });
  without('images', 'image', image !== undefined);
  without(
    'limits',
    'limits',
    Object.values(limits ?? {}).some((limit) => limit !== undefined),
  );
  without('volumes', 'volumes', volumes?.length);
  without(
    'images',
    'ports.containerPort',
    ports?.some(({ containerPort }) => containerPort !== undefined),
  );
  return found;
}

/** @throws SpecNotSupportedError */
export function requireSupported(
  provider: Pick<Provider, 'info' | 'capabilities'>,
  id: InstanceId,
  spec: InstanceSpec,
): void {
  const [first] = unsupportedBy(provider.capabilities(), spec);
  if (first) throw new SpecNotSupportedError(id, provider.info().name, first.part, first.fix);
}

/**
 * The same, where there is no instance yet.
 * @param what has the spec, such as `workload`
 * @throws InvalidInputError that names every part
 */
export function refuseUnsupported(
  what: string,
  { name, provider }: { name: string; provider: Pick<Provider, 'capabilities'> },
  spec: InstanceSpec,
): void {
  const faults = unsupportedBy(provider.capabilities(), spec).map(
    ({ part, fix }) => `spec.${part}: not with the provider "${name}": ${fix}`,
  );
  if (faults.length) throw new InvalidInputError(what, faults);
}

/**
 * Log options of a provider that notes no times beside its lines.
 * @throws InvalidInputError, CapabilityNotSupportedError
 */
export function parsePlainLogOptions(
  provider: string,
  options: LogOptions,
): { tail: number; service: string | undefined } {
  const { tail, since, service } = parseLogOptions(options);
  if (since) throw new CapabilityNotSupportedError(provider, 'logs.since');
  return { tail, service };
}
