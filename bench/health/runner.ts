/** The health runner in a process of its own, as an application has it: URL of the database, seconds that count. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from 'ctrlplane-workers';
import { DatabaseModule, HealthRunner, HealthRunnerModule } from 'ctrlplane-workers/control-plane';
import { setTimeout as wait } from 'node:timers/promises';
import { report } from '../harness/child.js';
import { quantile } from '../harness/rounds.js';

/** What a runner did while it was looked at. */
export interface RunnerFound {
  checks: number;
  /** Processor time of the process, in milliseconds. */
  processor: number;
  /** Of the starts, in milliseconds. */
  lateness: { p50: number; p99: number; most: number };
  /** Left out, as the run before had not ended. */
  overlapping: number;
  /** Resident bytes: in the first and in the last fifth, the median of each. */
  memory: { first: number; last: number };
}

const [, , url, seconds] = process.argv;
const WARM_UP = 15;
const LOOK_EVERY = 2_000;

const app = await NestFactory.createApplicationContext(
  {
    module: class HealthBench {},
    imports: [
      DatabaseModule.forRoot({ url: url! }),
      WorkerModule.forRoot(),
      HealthRunnerModule.forRoot({ instances: false, egress: { allow: ['127.0.0.0/8'] } }),
    ],
  },
  { logger: ['error', 'warn'], abortOnError: false },
);
const runner = app.get(HealthRunner);
await wait(WARM_UP * 1_000);

const lateness: number[] = [];
const memory: number[] = [];
const before = { ...runner.counts(), processor: process.cpuUsage() };
let seen = before.started;
for (const end = performance.now() + Number(seconds) * 1_000; performance.now() < end;) {
  await wait(LOOK_EVERY);
  const { started, lateness: latest } = runner.counts();
  for (const late of latest.slice(-(started - seen))) lateness.push(late);
  seen = started;
  memory.push(process.memoryUsage().rss);
}
const { user, system } = process.cpuUsage(before.processor);
const { started, overlapping } = runner.counts();
const late = Float64Array.from(lateness);
const fifth = Math.max(1, Math.floor(memory.length / 5));
const middle = (samples: number[]): number => quantile(Float64Array.from(samples), 0.5);
report({
  checks: started - before.started,
  processor: (user + system) / 1_000,
  lateness: { p50: quantile(late, 0.5), p99: quantile(late, 0.99), most: quantile(late, 1) },
  overlapping: overlapping - before.overlapping,
  memory: { first: middle(memory.slice(0, fifth)), last: middle(memory.slice(-fifth)) },
} satisfies RunnerFound);
