import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { faultsOfServices } from './service-faults.js';
import { cycleIn, type ServiceGraph, startOrder } from './service-plan.js';
import { MAIN } from './service-spec.js';

const namesOf = (graph: ServiceGraph) => startOrder(graph).map(({ name }) => name);

/** Graphs of up to eight services whose dependencies lead to others in any direction. */
const graphs = fc
  .array(fc.constantFrom('init' as const, 'sidecar' as const, undefined), { maxLength: 8 })
  .chain((kinds) => {
    const names = kinds.map((_, index) => `s${index}`);
    const needs = fc.uniqueArray(fc.constantFrom(MAIN, ...names), { maxLength: 3 });
    return fc
      .tuple(needs, fc.tuple(...kinds.map(() => needs)))
      .map(([main, others]): Required<ServiceGraph> => ({
        dependsOn: main.filter((name) => name !== MAIN).map((service) => ({ service })),
        services: kinds.map((kind, index) => ({
          name: names[index]!,
          kind,
          dependsOn:
            kind === 'init'
              ? []
              : others[index]!.filter((name) => name !== names[index]).map((service) => ({ service })),
        })),
      }));
  });

describe('the order in which services start', () => {
  it('has every service once, init services first and in their order, and nothing before what it waits for', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        fc.pre(cycleIn(graph) === undefined);
        const order = startOrder(graph);
        const names = order.map(({ name }) => name);
        expect(names.toSorted()).toEqual([MAIN, ...graph.services.map(({ name }) => name)].toSorted());
        const inits = graph.services.filter(({ kind }) => kind === 'init').map(({ name }) => name);
        expect(names.slice(0, inits.length)).toEqual(inits);
        const at = new Map(names.map((name, index) => [name, index]));
        for (const { name, dependsOn } of [...graph.services, { name: MAIN, dependsOn: graph.dependsOn }])
          for (const { service } of dependsOn ?? []) expect(at.get(service)).toBeLessThan(at.get(name)!);
        for (const { name, waitsFor } of order)
          for (const { service } of waitsFor) expect(at.get(service)).toBeLessThan(at.get(name)!);
      }),
    );
  });

  it('is the same for the same graph, and is refused for exactly those in which services wait for each other', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const cycle = cycleIn(graph);
        if (!cycle) return expect(namesOf(graph)).toEqual(namesOf(structuredClone(graph)));
        expect(() => startOrder(graph)).toThrow(/wait for each other/);
        expect(cycle[0]).toBe(cycle.at(-1));
        const edges = new Map(
          [...graph.services, { name: MAIN, dependsOn: graph.dependsOn }].map(({ name, dependsOn }) => [
            name,
            dependsOn?.map(({ service }) => service),
          ]),
        );
        for (const [index, name] of cycle.slice(1).entries())
          expect(edges.get(cycle[index]!)).toContain(name);
        expect(faultsOfServices(graph)).toContainEqual({
          path: ['services'],
          message: expect.stringContaining(cycle.join(' waits for ')),
        });
      }),
    );
  });

  it('starts the main program after its sidecars, but for those that wait for it', () => {
    const services = [
      { name: 'proxy', dependsOn: [{ service: MAIN }] },
      { name: 'cache' },
      { name: 'edge', dependsOn: [{ service: 'proxy' }] },
      { name: 'migrate', kind: 'init' as const },
    ];
    expect(namesOf({ services })).toEqual(['migrate', 'cache', MAIN, 'proxy', 'edge']);
    expect(namesOf({})).toEqual([MAIN]);
  });
});

describe('the faults of services', () => {
  const healthCheck = { command: ['true'] };
  const faults = (spec: Parameters<typeof faultsOfServices>[0]) =>
    faultsOfServices(spec).map(({ path, message }) => `${path.join('.')}: ${message}`);

  it('name what is there twice, or not at all', () => {
    expect(faults({ services: [{ name: 'a' }, { name: 'a' }], dependsOn: [{ service: 'b' }] })).toEqual([
      'services.1.name: "a" is there twice',
      'dependsOn.0: "b" is no service of this instance: there are main, a',
    ]);
  });

  it('name a wait that can never end', () => {
    const services = [
      { name: 'job', kind: 'init' as const, healthCheck, dependsOn: [{ service: 'db' }] },
      { name: 'db', dependsOn: [{ service: 'db' }, { service: 'job', until: 'healthy' as const }] },
    ];
    const dependsOn = [
      { service: 'db', until: 'healthy' as const },
      { service: 'db', until: 'completed' as const },
    ];
    expect(faults({ services, dependsOn })).toEqual([
      'dependsOn.0: "db" has no healthCheck, which says when it is healthy',
      'dependsOn.1: "db" runs as long as the instance: only init services are completed',
      'services.0.dependsOn.0: init services run before all others, so "job" cannot wait for "db"',
      'services.1.dependsOn.0: "db" waits for itself: remove it',
      'services.1.dependsOn.1: "job" is an init service: wait until it is completed, which is the default',
    ]);
  });

  it('name a cycle', () => {
    const services = [
      { name: 'a', dependsOn: [{ service: 'b' }] },
      { name: 'b', dependsOn: [{ service: MAIN }] },
    ];
    expect(faults({ services, dependsOn: [{ service: 'a' }] })).toEqual([
      'services: a waits for b waits for main waits for a: none of them could start. Remove one dependsOn',
    ]);
  });
});
