import 'reflect-metadata';
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Interval as ScheduleInterval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test, type TestingModule } from '@nestjs/testing';
import { Clock, Interval, RunRecorder, Scheduler, WorkerModule } from 'ctrlplane-workers';
import { atMost, type Bench, type BenchResult } from './harness/bench.js';
import { inTurn, ratio, timed } from './harness/rounds.js';
import { RungClock } from './overhead/rung-clock.js';

const DAY = 86_400_000;
const RUNS = 20_000;
/** Runs between two turns of the event loop, in which timers fire: the history is written then, as in an application. */
const RUNS_PER_TURN = 100;

@Injectable()
class TrackedNoop {
  runs = 0;
  @Interval('noop', DAY)
  async run(): Promise<void> {
    this.runs++;
  }
}

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
    const clock = new RungClock(DAY);
    const ours = await Test.createTestingModule({ imports: [WorkerModule.forRoot()], providers: [TrackedNoop] })
      .overrideProvider(Clock).useValue(clock).compile();
    const theirs = await Test.createTestingModule({ imports: [ScheduleModule.forRoot()], providers: [ScheduledNoop] }).compile();
    await ours.init(); await theirs.init();
    const noop = ours.get(TrackedNoop);
    const loop = ours.get(Scheduler)['loops'].get('noop');
    const recorder = ours.get(RunRecorder);
    const fn = (theirs.get(SchedulerRegistry).getInterval('noop') as any)._onTimeout as () => Promise<void>;
    const storage = new AsyncLocalStorage();
    const bare = { runs: 0, async run() { this.runs++; } };
    const perRun = async (one: () => Promise<unknown>, after: () => Promise<unknown> = async () => {}) => (await timed(async () => {
      for (let r = 0; r < RUNS; r++) { await one(); if (r % RUNS_PER_TURN === 0) await nextTurn(); }
      await after();
    })) * 1000 / RUNS;
    const bareRun = (withSignal: boolean) => async () => {
      const c = new AbortController(); const s = Date.now();
      await storage.run(withSignal ? c.signal : c, () => bare.run());
      return Date.now() - s;
    };
    const b1 = bareRun(false), b2 = bareRun(true);
    const took = await inTurn({ count: 15, warmUp: 5 }, {
      tick: () => perRun(() => { clock.ring(); return loop.current.ended; }, () => recorder.flush()),
      trigger: () => perRun(async () => (await ours.get(Scheduler).trigger('noop')).ended, () => recorder.flush()),
      bare: () => perRun(b1),
      bareSignal: () => perRun(b2),
      schedule: () => perRun(fn),
    }, () => {});
    await ours.close(); await theirs.close();
    return { ratios: { 'tick / bare': atMost(3, ratio(took.tick, took.bare)), 'tick / bareSignal': atMost(3, ratio(took.tick, took.bareSignal)) }, measured: Object.fromEntries(Object.entries(took).map(([k, samples]) => [k, { unit: 'µs' as const, samples }])), notes: [String(noop.runs)] };
  },
};
