import { setTimeout as wait } from 'node:timers/promises';
import { report } from '../harness/child.js';
import { quantile } from '../harness/rounds.js';
import { openSchedules } from './app.js';

/** What one process beside its database has run within a time. */
export interface Lateness {
  /** How many were to start in that time. */
  due: number;
  p50: number;
  p99: number;
  longest: number;
  /** Percent of one core. */
  cpu: number;
}

/** For connections and compilers. Milliseconds. */
const WARM_UP = 10_000;
/** A run that is less late than this has no backlog before it: storing the schedules takes a minute, in which a tenth of them comes due. */
const CAUGHT_UP = 100;
/** For those that are late. */
const AFTER = 5_000;

const [, , url, seconds] = process.argv;
const opened = Date.now();
let [from, to] = [Infinity, Infinity];
const found: number[] = [];
let caughtUp = (): void => undefined;
const steady = new Promise<void>((resolve) => (caughtUp = resolve));
const { close } = await openSchedules({
  url: url!,
  run: ({ scheduledAt }) => {
    const due = scheduledAt.getTime();
    const late = Date.now() - due;
    if (due >= from && due < to) found.push(late);
    if (late < CAUGHT_UP && Date.now() - opened >= WARM_UP) caughtUp();
  },
});
await steady;
from = Date.now();
to = from + Number(seconds) * 1_000;
const before = process.cpuUsage();
await wait(to - Date.now());
const { user, system } = process.cpuUsage(before);
await wait(AFTER);
const lateness = Float64Array.from(found);
await close();
report({
  due: found.length,
  p50: quantile(lateness, 0.5),
  p99: quantile(lateness, 0.99),
  longest: quantile(lateness, 1),
  cpu: (user + system) / Number(seconds) / 10_000,
} satisfies Lateness);
