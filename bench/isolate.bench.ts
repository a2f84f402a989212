import 'reflect-metadata';
import { once } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { NestFactory } from '@nestjs/core';
import { Scheduler, WorkerModule } from 'ctrlplane-workers';
import { RunExecutor } from '../dist/core/execution/run.executor.js';
import { atMost, type Bench } from './harness/bench.js';
import { inChild } from './harness/child.js';
import { inTurn, ratio, timed } from './harness/rounds.js';
import { type Beside, type Cores, type Lateness } from './isolate/lateness.js';
import { type Subject } from './lateness/subjects.js';
import { WorkersModule } from './isolate/workers.module.mjs';

/** Round trips of a sample, one after the other. */
const TRIPS = 2_000;
const WORKERS = 10_000;
const SECONDS = 15;
const LATENESS = new URL('./isolate/lateness.ts', import.meta.url);

const BARE = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', (message) => parentPort.postMessage(message));
`;

export const isolate: Bench = {
  name: 'isolate',
  summary: `a run in a thread beside a bare message to one; ${WORKERS} workers beside one that burns a core (10 minutes)`,
  plotted: ['measured', 'p99 lateness'],
  async run(say) {
    const trips = await roundTrips(say);
    const late = (subject: Subject, beside: Beside, cores: Cores) => () =>
      inChild<Lateness>(LATENESS, subject, String(WORKERS), String(SECONDS), beside, cores);
    const found = await inTurn(
      { count: 3, warmUp: 0 },
      {
        alone: late('ours', 'nobody', 'all'),
        thread: late('ours', 'thread', 'all'),
        process: late('ours', 'process', 'all'),
        'alone, one core': late('ours', 'nobody', 'one'),
        'thread, one core': late('ours', 'thread', 'one'),
        'process, one core': late('ours', 'process', 'one'),
        'timers alone': late('bare', 'nobody', 'all'),
        'timers, process': late('bare', 'process', 'all'),
      },
      say,
    );
    const p99 = (name: keyof typeof found) => found[name].map(({ lateness }) => lateness);
    const beside = (name: keyof typeof found, alone: keyof typeof found) => ratio(p99(name), p99(alone));
    return {
      ratios: {
        'isolated run / bare message round trip': atMost(1.5, ratio(trips.thread, trips.bare)),
        'p99 lateness on a core of their own, beside a thread that burns the other / alone': atMost(
          1.2,
          beside('thread, one core', 'alone, one core'),
        ),
        'p99 lateness on a core of their own, beside a process that burns the other / alone': atMost(
          1.2,
          beside('process, one core', 'alone, one core'),
        ),
        'p99 lateness beside a thread that burns one of two cores / alone on both': atMost(
          1.2,
          beside('thread', 'alone'),
        ),
        'p99 lateness beside a process that burns one of two cores / alone on both': atMost(
          1.2,
          beside('process', 'alone'),
        ),
      },
      measured: {
        'bare message round trip': { unit: 'µs', samples: trips.bare },
        'run in a thread': { unit: 'µs', samples: trips.thread },
        'run in a process': { unit: 'µs', samples: trips.process },
        'run in the main thread': { unit: 'µs', samples: trips.main },
        'p99 lateness: alone': { unit: 'ms', samples: p99('alone') },
        'p99 lateness: beside a thread that burns a core': { unit: 'ms', samples: p99('thread') },
        'p99 lateness: beside a process that burns a core': { unit: 'ms', samples: p99('process') },
        'p99 lateness: alone, on one core': { unit: 'ms', samples: p99('alone, one core') },
        'p99 lateness: on one core, a thread burns the other': {
          unit: 'ms',
          samples: p99('thread, one core'),
        },
        'p99 lateness: on one core, a process burns the other': {
          unit: 'ms',
          samples: p99('process, one core'),
        },
        'p99 lateness: timers of Node, alone': { unit: 'ms', samples: p99('timers alone') },
        'p99 lateness: timers of Node, beside a process that burns a core': {
          unit: 'ms',
          samples: p99('timers, process'),
        },
      },
      notes: [
        `Each sample: ${TRIPS} runs of a worker that does nothing, one after the other, each awaited to its record. Bare: a message of one number to a worker thread, which sends it back.`,
        'A run is the whole way of the executor: record, history in memory, context there and here.',
        `Lateness: ${WORKERS} workers of one second for ${SECONDS} s in a process of their own, while a worker in a thread or process of it loops without an end.`,
        'On one core: the threads of the application and what burns are bound to one core each (taskset), so that the application has the same processor time in all three. Otherwise the application alone uses both cores: Node collects garbage with several threads.',
        `Timers of Node: as many calls of setInterval, which make no garbage: what the machine adds by itself.`,
      ],
    };
  },
};

async function roundTrips(say: (line: string) => void) {
  const app = await NestFactory.createApplicationContext(
    {
      module: class BenchModule {},
      imports: [
        WorkersModule,
        WorkerModule.forRoot({
          isolation: { module: new URL('./isolate/workers.module.mjs', import.meta.url) },
        }),
      ],
    },
    { logger: ['error', 'warn'] },
  );
  const scheduler = app.get(Scheduler);
  const executor = app.get(RunExecutor);
  const runs = (name: string) => async () => {
    const { definition } = scheduler.describe(name);
    const took = await timed(async () => {
      for (let trip = 0; trip < TRIPS; trip++) {
        const run = await executor.execute(definition, { trigger: 'manual', scheduledAt: Date.now() }).ended;
        if (run.outcome !== 'succeeded') throw new Error(`${name}: ${run.outcome}, ${run.error?.message}`);
      }
    });
    return (took * 1_000) / TRIPS;
  };
  const thread = new Thread(BARE, { eval: true, execArgv: [] });
  const bare = async () => {
    let answered = (): void => {};
    const listener = (): void => answered();
    thread.on('message', listener);
    const took = await timed(async () => {
      for (let trip = 0; trip < TRIPS; trip++)
        await new Promise<void>((resolve) => {
          answered = resolve;
          thread.postMessage(trip);
        });
    });
    thread.off('message', listener);
    return (took * 1_000) / TRIPS;
  };
  await once(thread, 'online');
  try {
    return await inTurn(
      { count: 10, warmUp: 3 },
      { bare, thread: runs('thread.noop'), process: runs('process.noop'), main: runs('main.noop') },
      say,
    );
  } finally {
    await thread.terminate();
    await app.close();
  }
}
