import { type ScheduleInput } from '../../../src/modules/schedules/schedule.js';
import { type ScheduledHandler } from '../../../src/modules/schedules/scheduled-handlers.js';
import { EPOCH } from '../store-clock.js';
import { type Random } from '../random.js';
import { type Pace } from '../replica-clock.js';
import { type RunPlan, runPlan } from '../run-plan.js';
import { FAIR, type Weather, weather } from '../wire.js';

/** What the seed says of one handler. */
export interface HandlerPlan {
  readonly name: string;
  /** The version of the code that has it first. */
  readonly since: number;
  readonly timeout: number | undefined;
  readonly rules: Pick<
    ScheduledHandler,
    'overlap' | 'backoff' | 'maxAttempts' | 'concurrency' | 'groupConcurrency'
  >;
  readonly runs: RunPlan;
}

const TROUBLES = {
  crash: 4,
  freeze: 3,
  drain: 3,
  down: 2,
  jump: 2,
  wall: 2,
  join: 1,
  deploy: 1,
  trigger: 6,
  cancel: 8,
  pause: 2,
  resume: 2,
  write: 3,
  change: 3,
  remove: 2,
} as const;

/** Something that goes wrong, or that somebody does, and when. */
export interface Trouble {
  readonly at: number;
  readonly what: keyof typeof TROUBLES;
}

export interface Plan {
  readonly replicas: number;
  /** Milliseconds, as all times here. */
  readonly lease: number;
  /** How long things go wrong. */
  readonly trouble: number;
  readonly drain: { timeout: number; abortGrace: number };
  readonly handlers: readonly HandlerPlan[];
  readonly schedules: readonly ScheduleInput[];
  readonly weather: Weather;
  readonly troubles: readonly Trouble[];
  /** The largest jump of the store's clock. */
  readonly jump: number;
  pace(): Pace;
}

export function planOf(random: Random): Plan {
  const trouble = random.between(20_000, 90_000);
  const drift = random.pick([0, 0.001, 0.01]);
  const skew = random.pick([0, 1_000, 600_000]);
  const lateness = random.pick([0, 2, 40]);
  const handlers = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, i) =>
    handlerPlan(`h${i + 1}`, random),
  );
  return {
    replicas: random.pick([1, 2, 2, 3, 3, 4]),
    lease: random.pick([2_000, 2_000, 5_000]),
    trouble,
    drain: { timeout: random.pick([0, 500, 5_000]), abortGrace: random.pick([0, 500, 3_000]) },
    handlers,
    schedules: Array.from({ length: random.integer(1, 12) }, (_, i) =>
      scheduleInput(random.pick(handlers).name, `k${i + 1}`, random),
    ),
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

/** Another timing is another number of draws, and not another world. */
export function scheduleInput(handler: string, key: string, random: Random): ScheduleInput {
  const soon = (least: number, most: number): Date =>
    new Date(EPOCH + Math.round(random.between(least, most)));
  const timing = random.pick([
    { every: random.pick([1_000, 2_000, 5_000, 10_000, 20_000]) },
    { cron: random.pick(['*/2 * * * * *', '*/10 * * * * *']) },
    { at: soon(-10_000, 60_000) },
  ]);
  const row = !('at' in timing);
  return {
    handler,
    key,
    ...timing,
    ...(random.chance(0.5) && { group: random.pick(['a', 'b']) }),
    ...(random.chance(0.3) && { payload: random.pick([1, 2]) }),
    ...(row && random.chance(0.2) && { jitter: 700 }),
    ...(row && random.chance(0.2) && { limit: random.integer(1, 8) }),
    ...(row && random.chance(0.15) && { until: soon(40_000, 80_000) }),
    ...(random.chance(0.2) && { catchUp: random.pick([2_000, 10_000]) }),
  };
}

function handlerPlan(name: string, random: Random): HandlerPlan {
  const backoff = random.pick([500, 3_000]);
  const concurrency = random.pick([1, 3, 50]);
  return {
    name,
    since: random.chance(0.1) ? 1 : 0,
    timeout: random.chance(0.3) ? random.pick([500, 4_000]) : undefined,
    rules: {
      overlap: random.pick(['skip', 'skip', 'queueOne', 'cancelRunning']),
      backoff: { initial: backoff, max: 2 * backoff, factor: 2 },
      maxAttempts: random.pick([1, 2, 3, 5]),
      concurrency,
      groupConcurrency: random.pick([1, concurrency]),
    },
    runs: runPlan(random, [0, 50, 800, 3_000]),
  };
}

function troubles(random: Random, until: number): Trouble[] {
  return Object.entries(TROUBLES).flatMap(([what, most]) =>
    random.chance(0.35)
      ? Array.from({ length: random.integer(1, most) }, () => ({
          at: random.between(1_000, until),
          what: what as Trouble['what'],
        }))
      : [],
  );
}
