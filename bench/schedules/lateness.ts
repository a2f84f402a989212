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

/** For what has been due before, connections and compilers. Milliseconds. */
const WARM_UP = 10_000;
/** For those that are late. */
const AFTER = 5_000;

const [, , url, seconds] = process.argv;
const from = Date.now() + WARM_UP;
const to = from + Number(seconds) * 1_000;
const found: number[] = [];
const { close } = await openSchedules({
  url: url!,
  run: ({ scheduledAt }) => {
    const due = scheduledAt.getTime();
    if (due >= from && due < to) found.push(Date.now() - due);
  },
});
await wait(from - Date.now());
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
