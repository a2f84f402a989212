import 'reflect-metadata';
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  Scope,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { Interval as ScheduleInterval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { Clock, Interval, RunInterceptors, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { atMost, type Bench } from './harness/bench.js';
import { mapValues } from './harness/map-values.js';
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
  plotted: ['measured'],
  async run(say) {
    const plain = { tracked: await trackedRuns(), bare: bareRuns(), scheduled: await scheduledRuns() };
    const took = await measure(plain, say);
    // Afterwards, as what these leave to the garbage collector is theirs.
    const besides = await measure(
      {
        runInterceptor: await trackedRuns({ runInterceptor: true }),
        nestInterceptor: await trackedRuns({ decorate: UseInterceptors(PassOn) }),
        requestScope: await trackedRuns({ scope: Scope.REQUEST }),
      },
      say,
    );
    return {
      ratios: { 'tracked run / bare loop': atMost(3, ratio(took.tracked, took.bare)) },
      measured: {
        'tracked run': { unit: 'µs', samples: took.tracked },
        'bare loop': { unit: 'µs', samples: took.bare },
        'wrapper of @nestjs/schedule': { unit: 'µs', samples: took.scheduled },
        'tracked run in a RunInterceptor': { unit: 'µs', samples: besides.runInterceptor },
        'tracked run in an interceptor of Nest': { unit: 'µs', samples: besides.nestInterceptor },
        'tracked run of a request-scoped provider': { unit: 'µs', samples: besides.requestScope },
      },
      notes: [
        `Each sample: ${TICKS} ticks of ${WORKERS} workers, with one turn of the event loop after each tick.`,
        'A tracked run is the whole way from the timer: slot, next timer, context, record, history in memory, counts.',
        'The bare loop does what no tracked run can do without: AsyncLocalStorage.run, an AbortController whose signal is handed on, two clock reads. Node makes the signal when it is first asked for, and so do we.',
        'Each interceptor does nothing but call on. A request-scoped provider is made anew for each run, by Nest.',
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
  close(): Promise<void>;
}

async function measure<Name extends string>(
  subjects: Record<Name, Subject>,
  say: (line: string) => void,
): Promise<Record<Name, number[]>> {
  try {
    const took = await inTurn({ count: 15, warmUp: 5 }, mapValues(subjects, measured), say);
    for (const [name, { count }] of Object.entries<Subject>(subjects))
      assert.equal(count(), 20 * TICKS * WORKERS, `${name} left runs out`);
    return took;
  } finally {
    // Their timers would keep the process alive after a failure.
    for (const { close } of Object.values<Subject>(subjects)) await close();
  }
}

/** Measures microseconds per run. */
const measured =
  ({ tick }: Subject) =>
  async (): Promise<number> => {
    const ms = await timed(async () => {
      for (let i = 0; i < TICKS; i++) {
        tick();
        await nextTurn();
      }
    });
    return (ms * 1000) / (TICKS * WORKERS);
  };

/** Nest's, on the class of the workers. */
@Injectable()
class PassOn implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle();
  }
}

interface Besides {
  runInterceptor?: boolean;
  /** Of the class that the workers are methods of. */
  decorate?: ClassDecorator;
  scope?: Scope;
}

async function trackedRuns({ runInterceptor, decorate, scope }: Besides = {}): Promise<Subject> {
  const clock = new RungClock(DAY);
  const app = await Test.createTestingModule({
    imports: [WorkerModule.forRoot()],
    providers: [noopWorkers(decorate, scope)],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  await app.init();
  const scheduler = app.get(Scheduler);
  if (runInterceptor) app.get(RunInterceptors).add({ intercept: (_context, next) => next() });
  return {
    tick: () => clock.ring(),
    // Of the records, so that a run that was not tracked does not count.
    count: () => scheduler.workers().reduce((sum, { runCount }) => sum + runCount, 0),
    close: () => app.close(),
  };
}

/** A provider with as many workers as are measured. */
function noopWorkers(decorate?: ClassDecorator, scope?: Scope): Type {
  class NoopWorkers {}
  for (let i = 0; i < WORKERS; i++) {
    const descriptor = { configurable: true, value: async (): Promise<void> => undefined };
    Object.defineProperty(NoopWorkers.prototype, `run${i}`, descriptor);
    Interval(`noop-${i}`, DAY)(NoopWorkers.prototype, `run${i}`, descriptor);
  }
  decorate?.(NoopWorkers);
  Injectable({ scope })(NoopWorkers);
  return NoopWorkers;
}

async function scheduledRuns(): Promise<Subject> {
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
    close: async () => {},
  };
}
