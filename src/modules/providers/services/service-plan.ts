import { type InstanceSpec } from '../provider.js';
import { type Dependency, MAIN, type ServiceKind, type Until } from './service-spec.js';

/**
 * The order in which the services of an instance start, for every provider.
 *
 * Init services run first, one after the other in the order of the list, each to its end. Then sidecars and the main
 * program start, each when what it depends on has started, is healthy or is completed. The main program depends on every
 * sidecar that does not depend on it. They stop in the reverse order. `service-convergence.ts` carries it out, and
 * `service-status.ts` says what the instance is meanwhile.
 */

/** A service with all that it waits for. */
export interface PlannedService {
  name: string;
  kind: ServiceKind | 'main';
  /** With `dependsOn` of the spec, and what follows from the rule. */
  waitsFor: { service: string; until: Until }[];
}

/** What the plan is made from; anything else of a spec is not looked at. */
export interface ServiceGraph {
  dependsOn?: Dependency[] | undefined;
  services?:
    { name: string; kind?: ServiceKind | undefined; dependsOn?: Dependency[] | undefined }[] | undefined;
}

export function hasServices({ services = [] }: Pick<InstanceSpec, 'services'>): boolean {
  return services.length > 0;
}

/**
 * The services of an instance in the order of their start. When several could be next, the first of the list is, and the main
 * program is last.
 * @throws Error for a graph that has a cycle: `cycleIn` says so before
 */
export function startOrder(graph: ServiceGraph): PlannedService[] {
  const left = plan(graph);
  const order: PlannedService[] = [];
  const done = new Set<string>();
  while (left.length) {
    const index = left.findIndex(({ waitsFor }) => waitsFor.every(({ service }) => done.has(service)));
    if (index < 0)
      throw new Error(`These services wait for each other: ${left.map(({ name }) => name).join(', ')}`);
    const [next] = left.splice(index, 1);
    order.push(next!);
    done.add(next!.name);
  }
  return order;
}

/** Names of services that wait for each other, the first one again at the end; undefined when none do. */
export function cycleIn(graph: ServiceGraph): string[] | undefined {
  const edges = new Map(
    declared(graph).map(({ name, dependsOn }) => [name, dependsOn.map(({ service }) => service)]),
  );
  const done = new Set<string>();
  const walk = (name: string, path: string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const next of edges.get(name) ?? []) {
      const found = walk(next, [...path, name]);
      if (found) return found;
    }
    done.add(name);
    return undefined;
  };
  for (const name of edges.keys()) {
    const found = walk(name, []);
    if (found) return found;
  }
  return undefined;
}

function declared({ dependsOn = [], services = [] }: ServiceGraph) {
  return [
    ...services.map(({ name, kind = 'sidecar' as const, dependsOn = [] }) => ({ name, kind, dependsOn })),
    { name: MAIN, kind: 'main' as const, dependsOn },
  ];
}

/** Init services first, and the main program last, as far as nothing else is said. */
function plan(graph: ServiceGraph): PlannedService[] {
  const all = declared(graph);
  const inits = all.filter(({ kind }) => kind === 'init');
  const others = all.filter(({ kind }) => kind !== 'init');
  const kinds = new Map(all.map(({ name, kind }) => [name, kind]));
  const wait = ({ service, until }: Dependency) => ({
    service,
    until: until ?? (kinds.get(service) === 'init' ? ('completed' as const) : ('started' as const)),
  });
  const completed = (service: string) => ({ service, until: 'completed' as const });
  const needMain = dependents(others, MAIN);
  return [
    ...inits.map(({ name, kind }, index) => ({
      name,
      kind,
      waitsFor: inits.slice(0, index).map((before) => completed(before.name)),
    })),
    ...others.map(({ name, kind, dependsOn }) => {
      const own = dependsOn.map(wait);
      const has = (service: string) => own.some((one) => one.service === service);
      const follows = [
        ...inits.map((init) => completed(init.name)),
        ...(name === MAIN
          ? others
              .filter((other) => other.name !== MAIN && !needMain.has(other.name))
              .map((other) => ({ service: other.name, until: 'started' as const }))
          : []),
      ];
      return { name, kind, waitsFor: [...own, ...follows.filter(({ service }) => !has(service))] };
    }),
  ];
}

/** Those that wait for it, or for one that does. */
function dependents(all: ReturnType<typeof declared>, name: string): Set<string> {
  const found = new Set<string>();
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const { name: each, dependsOn } of all)
      if (dependsOn.some(({ service }) => service === name || found.has(service))) found.add(each);
  }
  found.delete(name);
  return found;
}

export function kindOf(
  spec: Pick<InstanceSpec, 'services'> | undefined,
  name: string,
): PlannedService['kind'] {
  if (name === MAIN) return 'main';
  return spec?.services?.find((service) => service.name === name)?.kind ?? 'sidecar';
}
