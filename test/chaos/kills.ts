import { once } from 'node:events';
import { setTimeout as pass } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { findViolations, type Takeovers, takeovers, type Tally, tally } from './audit.js';
import { findOverlaps } from './overlaps.js';
import { type ChaosWorker, type Replica } from './replica.js';
import { type ClusterOptions, Replicas } from './replicas.js';

/** Milliseconds. */
export const INTERVAL = 1_000;
const REPLICAS = 3;

/**
 * How long a takeover may take.
 * @param bare by how much a bare timer was late in the same time: a slot is late by as much at the same moment
 */
export const limits = (lease: number, bare = 0) => ({
  idle: INTERVAL + bare,
  midRun: lease + INTERVAL + bare,
});

/** Fifty at a second: most are quick, some take a third of it, some more than one. */
const WORKERS: ChaosWorker[] = Array.from({ length: 50 }, (_, i) => ({
  name: `worker-${i}`,
  interval: INTERVAL,
  takes: i < 35 ? 5 + i : i < 45 ? 300 : 2_500,
  writes: true,
}));

/** What was seen. */
export interface Kills {
  kills: number;
  violations: string[];
  takeovers: Takeovers;
  /** The most that a timer of a thread that does nothing was late by meanwhile, milliseconds. */
  bareLateness: number;
  tally: Tally;
  /** What replicas wrote that were not killed when they should not have ended. */
  ended: string[];
}

export interface KillOptions extends Pick<ClusterOptions, 'url' | 'checkout' | 'directory'> {
  kills: number;
  lease: number;
  /** URL of the database for who looks on, if there is something between. */
  direct?: string;
  /** Called after each. */
  progress?: (kills: number) => void;
}

/** Three replicas, one of which is killed at random and started anew, again and again. */
export async function killAtRandom(options: KillOptions): Promise<Kills> {
  const { kills, lease, direct, progress, ...where } = options;
  const replicas = await Replicas.prepare({ ...where, workers: WORKERS, module: { lease } }, direct);
  try {
    await Promise.all(Array.from({ length: REPLICAS }, () => replicas.start()));
    const ended: string[] = [];
    const expected = new Set<Replica>();
    const watch = (replica: Replica) =>
      void replica.exit.then(() => expected.has(replica) || ended.push(replica.output));
    replicas.running.forEach(watch);
    await pass(2 * INTERVAL);
    // It ends when it has answered; if it comes to that no more, it holds nobody up.
    const bareTimer = new Worker(new URL('../apps/bare-timer.mjs', import.meta.url));
    bareTimer.unref();

    const deaths: { replica: string; at: number }[] = [];
    const restarts: Promise<void>[] = [];
    while (deaths.length < kills) {
      await pass(Math.random() * 2 * INTERVAL);
      const alive = [...replicas.running];
      // Somebody has to be there to take over.
      if (alive.length < 2) continue;
      const victim = alive[Math.floor(Math.random() * alive.length)]!;
      expected.add(victim);
      deaths.push({ replica: victim.id, at: await replicas.kill(victim) });
      progress?.(deaths.length);
      restarts.push(pass(Math.random() * INTERVAL).then(async () => watch(await replicas.start())));
    }
    await Promise.all(restarts);
    // The last ones that were in mid-run are taken over.
    await pass(limits(lease).midRun + INTERVAL);
    for (const replica of replicas.running) expected.add(replica);
    bareTimer.postMessage('how late?');
    const [bareLateness] = (await once(bareTimer, 'message')) as [number];
    await replicas.drainAll();

    const overlaps = findOverlaps(replicas.notes()).map(
      (overlap) => `an overlap: ${JSON.stringify(overlap)}`,
    );
    return {
      kills: deaths.length,
      violations: [...(await findViolations(replicas.pool)), ...overlaps],
      takeovers: await takeovers(replicas.pool, deaths),
      bareLateness,
      tally: await tally(replicas.pool),
      ended,
    };
  } finally {
    await replicas.destroy();
  }
}
