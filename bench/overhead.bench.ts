import 'reflect-metadata';
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Interval as ScheduleInterval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { Clock, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { atMost, type Bench } from './harness/bench.js';
import { inTurn, ratio, timed } from './harness/rounds.js';
import { RungClock } from './overhead/rung-clock.js';

const DAY = 86_400_000;
/** Runs that start one after the other in one turn of the event loop, as ticks do. They have ended by the next. */
const WORKERS = 100;
const TICKS = 200;

@Injectable()
class ScheduledNoop {
  runs = 0;
  @ScheduleInterval('noop', DAY)
  async run(): Promise<void> {
    this.runs++;
  }
}

export const overhead: Bench = {
  name: 'overhead',
  summary: 'one tick of a worker that does nothing, beside a bare loop and the wrapper of @nestjs/schedule',
  async run(say) {
    const tracked = await trackedRuns();
    const scheduled = await scheduledRuns();
    const bare = bareRuns();
    const subjects = { tracked, bare, scheduled };
    const took = await inTurn(
      { count: 15, warmUp: 5 },
      { tracked: () => perRun(tracked), bare: () => perRun(bare), scheduled: () => perRun(scheduled) },
      say,
    );
    for (const [name, { count }] of Object.entries(subjects))
      assert.equal(count(), 20 * TICKS * WORKERS, `${name} left runs out`);
    await tracked.close();
    await scheduled.close();
    return {
      ratios: { 'tracked run / bare loop': atMost(3, ratio(took.tracked, took.bare)) },
      measured: {
        'tracked run': { unit: 'µs', samples: took.tracked },
        'bare loop': { unit: 'µs', samples: took.bare },
        'wrapper of @nestjs/schedule': { unit: 'µs', samples: took.scheduled },
      },
      notes: [
        `Each sample: ${TICKS} ticks of ${WORKERS} workers, with one turn of the event loop after each tick.`,
        'A tracked run is the whole way from the timer: slot, next timer, context, record, history in memory, counts.',
        'The bare loop does what no tracked run can do without: AsyncLocalStorage.run, an AbortController whose signal is handed on, two clock reads. Node makes the signal when it is first asked for, and so do we.',
        'The wrapper of @nestjs/schedule is a try and an await: it keeps no record, and its timer is not in the figure.',
      ],
    };
  },
};

interface Subject {
  /** Starts a run of each worker. */
  tick(): void;
  /** Runs so far. */
  count(): number;
}

/** Microseconds. */
async function perRun({ tick }: Subject): Promise<number> {
  const ms = await timed(async () => {
    for (let i = 0; i < TICKS; i++) {
      tick();
      await nextTurn();
    }
  });
  return (ms * 1000) / (TICKS * WORKERS);
}

async function trackedRuns(): Promise<Subject & { close(): Promise<void> }> {
  const clock = new RungClock(DAY);
  const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot()] })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  await app.init();
  const scheduler = app.get(Scheduler);
  const noop = async (): Promise<void> => undefined;
  for (let i = 0; i < WORKERS; i++) scheduler.register({ name: `noop-${i}`, interval: DAY, run: noop });
  return {
    tick: () => clock.ring(),
    // Of the records, so that a run that was not tracked does not count.
    count: () => scheduler.workers().reduce((sum, { runCount }) => sum + runCount, 0),
    close: () => app.close(),
  };
}

async function scheduledRuns(): Promise<Subject & { close(): Promise<void> }> {
  const app = await Test.createTestingModule({
    imports: [ScheduleModule.forRoot()],
    providers: [ScheduledNoop],
  }).compile();
  await app.init();
  // What its timer calls; Node keeps that in this field.
  const { _onTimeout: wrapped } = app.get(SchedulerRegistry).getInterval('noop') as {
    _onTimeout: () => void;
  };
  return {
    tick: () => {
      for (let i = 0; i < WORKERS; i++) wrapped();
    },
    count: () => app.get(ScheduledNoop).runs,
    close: () => app.close(),
  };
}

function bareRuns(): Subject {
  const storage = new AsyncLocalStorage();
  let runs = 0;
  const noop = async (): Promise<void> => undefined;
  const run = async (): Promise<number> => {
    const controller = new AbortController();
    const started = Date.now();
    await storage.run(controller.signal, noop);
    runs++;
    return Date.now() - started;
  };
  return {
    tick: () => {
      for (let i = 0; i < WORKERS; i++) void run();
    },
    count: () => runs,
  };
}
