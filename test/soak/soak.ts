import { setTimeout as pass } from 'node:timers/promises';
import { FAULTS } from './faults.js';
import { type Sample, takeSample } from './samples.js';
import { SoakedApp } from './soaked-app.js';

export interface SoakOptions {
  /** Of the built package. */
  checkout: string;
  /** Empty, and the caller's to remove. */
  directory: string;
  seconds: number;
  said?: (line: string) => void;
}

export interface Soak {
  samples: Sample[];
  /** How often each fault happened. */
  faults: Record<string, number>;
  /** Runs that the history has. */
  runs: number;
  /** Sentences that say what was not as it should be. */
  wrong: string[];
}

/** Seconds without faults at the end: the last samples are to be of an app that has recovered. */
const QUIET = 15;

/** Seconds between two samples. */
const SAMPLED_EVERY = 2;

export async function soak({
  checkout,
  directory,
  seconds,
  said = () => undefined,
}: SoakOptions): Promise<Soak> {
  const app = await SoakedApp.start(checkout, directory);
  const seen: Soak = { samples: [], faults: {}, runs: 0, wrong: [] };
  try {
    await app.hurry();
    const started = performance.now();
    const elapsed = (): number => (performance.now() - started) / 1_000;
    const next = new Map(FAULTS.map(({ name, every }) => [name, Math.min(every, seconds / 3)]));
    let lastFault = 0;
    while ((elapsed() < seconds || elapsed() < lastFault + QUIET) && !app.ended) {
      for (const { name, every, happen } of FAULTS) {
        // On a busy machine the time may end before each has happened once.
        if (elapsed() < next.get(name)! || (elapsed() > seconds - QUIET && name in seen.faults)) continue;
        next.set(name, elapsed() + every);
        // What it asks for may fail in turn: PostgreSQL was killed a moment ago.
        await happen(app).catch((error: unknown) => said(`${name}: ${String(error)}`));
        seen.faults[name] = (seen.faults[name] ?? 0) + 1;
        lastFault = elapsed();
      }
      const sample = await takeSample(app.app.pid, await app.databaseUrl(), elapsed()).catch(() => undefined);
      if (sample) seen.samples.push(sample);
      if (seen.samples.length % 30 === 1 && sample)
        said(`${Math.round(sample.at)} s: ${Math.round(sample.rssMb)} MB, ${sample.handles} handles`);
      await pass(SAMPLED_EVERY * 1_000);
    }
    if (app.ended)
      throw new Error(`The app has ended by itself. Its output:\n${app.app.output.slice(-10_000)}`);
    seen.wrong.push(...(await notRecovered(app)));
    const [counted] = await app.query<{ n: number }>('SELECT count(*)::int AS n FROM workers.runs');
    seen.runs = counted!.n;
  } finally {
    seen.wrong.push(...(await app.end()));
  }
  return seen;
}

/** Milliseconds for everything to be well again. */
const RECOVERS_WITHIN = 60_000;

/** Workers that have had no success since the faults ended. */
async function notRecovered(app: SoakedApp): Promise<string[]> {
  const since = Date.now() - QUIET * 1_000;
  const deadline = Date.now() + RECOVERS_WITHIN;
  for (;;) {
    const { body } = await app.app.get<{ name: string; last_success?: string }[]>('/workers');
    const late = body.filter(({ last_success: at }) => !at || Date.parse(at) < since);
    if (late.length === 0) return [];
    if (Date.now() > deadline)
      return late.map(({ name }) => `${name} has not succeeded since the last fault`);
    await pass(1_000);
  }
}
