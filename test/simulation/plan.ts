import { type Worker } from '../../src/core/worker/worker.js';
import { type OverlapPolicy, type WorkerOptions } from '../../src/core/worker/worker-options.js';
import { type RunPlan, runPlan } from './run-plan.js';
import { FAIR, type Weather, weather } from './wire.js';
import { type Random } from './random.js';
import { type Pace } from './replica-clock.js';

/** What the seed says of one worker. */
export interface WorkerPlan {
  readonly name: string;
  readonly overlap: OverlapPolicy;
  /** As the code says in each version that is deployed. */
  readonly versions: readonly Omit<Worker, 'name' | 'run'>[];
  readonly runs: RunPlan;
}

/** Something that goes wrong, or that somebody does, and when. */
export interface Trouble {
  readonly at: number;
  readonly what:
    | 'crash'
    | 'freeze'
    | 'drain'
    | 'down'
    | 'jump'
    | 'wall'
    | 'trigger'
    | 'event'
    | 'pause'
    | 'resume'
    | 'reschedule'
    | 'deploy'
    | 'join';
}

export interface Plan {
  readonly replicas: number;
  /** Milliseconds. */
  readonly lease: number;
  /** How long things go wrong, milliseconds. */
  readonly trouble: number;
  readonly drain: { timeout: number; abortGrace: number };
  readonly maxConcurrentRuns: number | undefined;
  /** One replica never runs a worker. */
  readonly api: boolean;
  readonly workers: readonly WorkerPlan[];
  readonly weather: Weather;
  readonly troubles: readonly Trouble[];
  /** The largest jump of the store's clock, milliseconds. */
  readonly jump: number;
  pace(): Pace;
}

export const EVENT = 'happened';

export function planOf(random: Random): Plan {
  const trouble = random.between(20_000, 90_000);
  const drift = random.pick([0, 0.001, 0.01]);
  const skew = random.pick([0, 1_000, 600_000]);
  const lateness = random.pick([0, 2, 40]);
  return {
    replicas: random.pick([1, 2, 2, 3, 3, 4]),
    lease: random.pick([1_000, 2_000, 5_000, 5_000]),
    trouble,
    drain: { timeout: random.pick([0, 500, 5_000]), abortGrace: random.pick([0, 500, 3_000]) },
    maxConcurrentRuns: random.pick([undefined, undefined, undefined, 1, 2]),
    api: random.chance(0.15),
    workers: Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, i) => workerPlan(`w${i + 1}`, random)),
    weather: random.chance(0.35) ? FAIR : weather(random),
    troubles: troubles(random, trouble),
    jump: random.pick([500, 5_000, 40_000]),
    pace: () => ({
      rate: 1 + random.between(-drift, drift),
      skew: random.between(-skew, skew),
      lateness,
    }),
  };
}

function workerPlan(name: string, random: Random): WorkerPlan {
  const overlap = random.pick<OverlapPolicy>(['skip', 'skip', 'queueOne', 'cancelRunning', 'allow']);
  const spacing = random.chance(0.2) ? ('delay' as const) : undefined;
  const interval = (): number => random.pick([1_000, 2_000, 5_000, 10_000, 20_000]);
  const first = interval();
  const cron = spacing === undefined && random.chance(0.15);
  const backoff = random.chance(0.4) ? random.pick([500, 3_000, 8_000]) : undefined;
  const common: WorkerOptions = {
    overlap,
    ...(spacing && { spacing }),
    ...(random.chance(0.3) && { jitter: cron ? '700ms' : random.pick(['300ms', 0.5]) }),
    ...(backoff !== undefined && { backoff: { initial: backoff, max: 2 * backoff } }),
    ...(random.chance(0.2) && { runOnStart: true }),
    ...(random.chance(0.2) && { timeout: random.pick([500, 4_000]) }),
    ...(random.chance(0.3) && { catchUp: true }),
    ...(random.chance(0.3) && { on: [EVENT] }),
    maxAttempts: random.pick([1, 2, 3, 3]),
  };
  const every = (ms: number): Worker['interval'] =>
    cron ? { cron: `*/${Math.max(2, ms / 1_000)} * * * * *`, utcOffset: 0 } : ms;
  const onlyEvents = random.chance(0.1);
  return {
    name,
    overlap,
    versions: [first, random.chance(0.7) ? interval() : first].map((ms) => ({
      ...common,
      interval: onlyEvents ? 0 : every(ms),
    })),
    runs: runPlan(random, [0, 50, 800, 3_000, 8_000]),
  };
}

function troubles(random: Random, until: number): Trouble[] {
  const kinds: Partial<Record<Trouble['what'], number>> = {
    crash: 4,
    freeze: 3,
    drain: 3,
    down: 2,
    jump: 2,
    wall: 2,
    trigger: 8,
    event: 4,
    pause: 1,
    resume: 1,
    reschedule: 2,
    deploy: 1,
    join: 1,
  };
  return Object.entries(kinds).flatMap(([what, most]) =>
    random.chance(0.35)
      ? Array.from({ length: random.integer(1, most) }, () => ({
          at: random.between(1_000, until),
          what: what as Trouble['what'],
        }))
      : [],
  );
}
