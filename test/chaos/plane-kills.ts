import { setTimeout as pass } from 'node:timers/promises';
import { type PlaneOptions } from './killable-app.js';
import { type Order, Plane } from './plane.js';

/** Milliseconds until everything has to be as it should be after the last kill, on a machine that is busy. */
const PATIENCE = 90_000;

export interface PlaneKillOptions extends PlaneOptions {
  checkout: string;
  kills: number;
  /** 0 to 1, as `Math.random`. */
  random?: () => number;
  progress?: (kills: number) => void;
}

/** What was seen. */
export interface PlaneKills {
  kills: number;
  /** How often it was killed after which order. */
  orders: Record<string, number>;
  /** Milliseconds from the start after each kill until everything was as it should be, where that was waited for. */
  converged: number[];
  violations: string[];
}

/** Changes of every kind, and a kill -9 at any moment of each; every fifth time it is waited for and looked at. */
export async function killPlaneAtRandom(options: PlaneKillOptions): Promise<PlaneKills> {
  const { kills, checkout, random = Math.random, progress, url, instances } = options;
  const plane = await Plane.start(checkout, { url, instances });
  const seen: PlaneKills = { kills: 0, orders: {}, converged: [], violations: [] };
  const whole = (most: number) => Math.floor(random() * (most + 1));
  try {
    plane.tell(install(plane, 1));
    await plane.doneOrDead(plane.tell(scale(plane, 2, 1)));
    for (let version = 2; seen.kills < kills; version++) {
      const orders: Record<string, Order> = {
        install: install(plane, version),
        retire: { bootstrap: [] },
        update: scale(plane, 2, version),
        rollback: { rollback: 'web' },
        scale: scale(plane, whole(4), version - 1),
        remove: { remove: 'web' },
      };
      const names = Object.keys(orders);
      const name = names[whole(names.length - 1)]!;
      seen.orders[name] = (seen.orders[name] ?? 0) + 1;
      plane.tell(orders[name]!);
      await pass(random() * 1_200);
      await plane.kill();
      progress?.(++seen.kills);
      await plane.startApp();
      if (seen.kills % 5 !== 0 && seen.kills < kills) continue;
      const since = performance.now();
      await plane.converged(PATIENCE);
      seen.converged.push(performance.now() - since);
      seen.violations.push(...(await plane.violations()));
    }
    return seen;
  } finally {
    await plane.destroy();
  }
}

export interface FaultPointOptions extends PlaneOptions {
  checkout: string;
  /** Every how many steps one is killed at. 1: at each. */
  stride: number;
  /** Which changes; default all. */
  only?: readonly string[];
  progress?: (change: string, step: number) => void;
}

/** At how many steps of each change it was killed. */
export interface FaultPoints {
  steps: Record<string, number>;
  violations: string[];
}

/** Each change anew and anew, killed one step later each time, until it comes through. */
export async function killPlaneAtEachStep(options: FaultPointOptions): Promise<FaultPoints> {
  const { checkout, stride, only, progress, url, instances } = options;
  const plane = await Plane.start(checkout, { url, instances });
  const seen: FaultPoints = { steps: {}, violations: [] };
  let version = 1;
  /** What it is before the change, and the change. */
  const changes: Record<string, () => [Order[], Order]> = {
    install: () => [[{ bootstrap: [] }], install(plane, ++version)],
    update: () => [[scale(plane, 2, ++version)], scale(plane, 2, ++version)],
    rollback: () => [[scale(plane, 2, ++version), scale(plane, 2, ++version)], { rollback: 'web' }],
    retire: () => [[install(plane, ++version)], { bootstrap: [] }],
    'scale up': () => [[scale(plane, 1, version)], scale(plane, 3, version)],
    'scale down': () => [[scale(plane, 3, version)], scale(plane, 1, version)],
    remove: () => [[scale(plane, 2, version)], { remove: 'web' }],
  };
  try {
    for (const name of only ?? Object.keys(changes)) {
      seen.steps[name] = 0;
      for (let step = 1; ; step += stride) {
        const [before, change] = changes[name]!();
        for (const order of before) await plane.doneOrDead(plane.tell(order));
        await plane.converged(PATIENCE);
        await plane.doneOrDead(plane.tell({ ...change, fault: step }));
        // What the passes do of it has steps as well.
        await plane.convergedOrDead(PATIENCE);
        if (!(await plane.isDead())) {
          plane.tell({ fault: 0 });
          break;
        }
        seen.steps[name]++;
        progress?.(name, step);
        await plane.startApp();
        await plane.converged(PATIENCE);
        seen.violations.push(...(await plane.violations()).map((wrong) => `${name}, step ${step}: ${wrong}`));
      }
    }
    return seen;
  } finally {
    await plane.destroy();
  }
}

function install(plane: Plane, version: number): Order {
  const services = ['proxy', 'agent'].map((name) => ({ name, spec: plane.spec(version) }));
  return {
    bootstrap: [
      { name: 'ingress', replicas: 1, services },
      { name: 'dns', replicas: 2, services: services.slice(0, 1) },
    ],
  };
}

function scale(plane: Plane, replicas: number, version: number): Order {
  return { workload: { name: 'web', replicas, spec: plane.spec(version), rollout: { minReady: 100 } } };
}
