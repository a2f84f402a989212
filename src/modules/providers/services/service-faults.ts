import { shown } from '../../input/input.js';
import { cycleIn } from './service-plan.js';
import { type Dependency, MAIN, type ServiceHealthCheck, type ServiceKind } from './service-spec.js';

/** A mistake in the names and dependencies of services, and where it is. */
export interface ServiceFault {
  path: (string | number)[];
  message: string;
}

interface Part {
  dependsOn?: Dependency[] | undefined;
  healthCheck?: ServiceHealthCheck | undefined;
}

/** The parts of a spec that are looked at. */
export interface ServiceParts extends Part {
  services?: (Part & { name: string; kind?: ServiceKind | undefined })[] | undefined;
}

/** Names that are there twice or not at all, waits that can never end, and services that wait for each other. */
export function faultsOfServices(spec: ServiceParts): ServiceFault[] {
  const { services = [], dependsOn, healthCheck } = spec;
  const faults: ServiceFault[] = [];
  const all = new Map<string, Part & { kind: ServiceKind | 'main' }>([
    [MAIN, { kind: 'main', dependsOn, healthCheck }],
  ]);
  services.forEach(({ name, kind = 'sidecar', ...part }, index) => {
    if (all.has(name) && name !== MAIN)
      faults.push({ path: ['services', index, 'name'], message: `${shown(name)} is there twice` });
    all.set(name, { kind, ...part });
  });
  const check = (name: string, kind: ServiceKind | 'main', part: Part, path: (string | number)[]) => {
    const seen = new Set<string>();
    (part.dependsOn ?? []).forEach((dependency, index) => {
      const message =
        faultOf(name, kind, dependency, all) ??
        (seen.has(dependency.service) ? `${shown(dependency.service)} is there twice` : undefined);
      seen.add(dependency.service);
      if (message) faults.push({ path: [...path, 'dependsOn', index], message });
    });
  };
  check(MAIN, 'main', spec, []);
  services.forEach(({ name, kind = 'sidecar', ...part }, index) =>
    check(name, kind, part, ['services', index]),
  );
  const cycle = faults.length ? undefined : cycleIn(spec);
  if (cycle)
    faults.push({
      path: ['services'],
      message: `${cycle.join(' waits for ')}: none of them could start. Remove one dependsOn`,
    });
  return faults;
}

function faultOf(
  name: string,
  kind: ServiceKind | 'main',
  { service, until }: Dependency,
  all: ReadonlyMap<string, Part & { kind: ServiceKind | 'main' }>,
): string | undefined {
  const needed = all.get(service);
  if (!needed)
    return `${shown(service)} is no service of this instance: there are ${[...all.keys()].join(', ')}`;
  if (service === name) return `${shown(name)} waits for itself: remove it`;
  if (kind === 'init')
    return needed.kind === 'init'
      ? `init services run in the order of the list: put ${shown(name)} behind ${shown(service)}, and remove this`
      : `init services run before all others, so ${shown(name)} cannot wait for ${shown(service)}`;
  if (until === 'completed' && needed.kind !== 'init')
    return `${shown(service)} runs as long as the instance: only init services are completed`;
  if (needed.kind === 'init' && until !== undefined && until !== 'completed')
    return `${shown(service)} is an init service: wait until it is completed, which is the default`;
  if (until === 'healthy' && !needed.healthCheck)
    return `${shown(service)} has no healthCheck, which says when it is healthy`;
  return undefined;
}
