import { Test } from '@nestjs/testing';
import { RunRecorder } from '../../src/core/history/run.recorder.js';
import { type Run } from '../../src/core/history/run.js';
import { EventSources } from '../../src/core/scheduler/event-sources.js';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import { ManualClock } from '../../src/core/testing/manual-clock.js';
import { Clock } from '../../src/core/timing/clock.js';
import { type RunContext } from '../../src/core/worker/run-context.js';
import { type Worker } from '../../src/core/worker/worker.js';
import { WorkerModule } from '../../src/core/worker.module.js';
import { type WorkerModuleOptions } from '../../src/core/worker-module.options.js';

/** A scheduler on a manual clock, started. */
export interface Workers {
  clock: ManualClock;
  scheduler: Scheduler;
  sources: EventSources;
  recorder: RunRecorder;
  /** What was logged, errors and warnings. */
  logs: string[];
  /** What else was logged. */
  notices: string[];
  /** Records of a worker, oldest first. */
  runs(worker: string): Promise<Run[]>;
  close(): Promise<void>;
}

export async function startWorkers(
  workers: Worker[],
  options: WorkerModuleOptions = {},
  clock = new ManualClock(),
  { init = true } = {},
): Promise<Workers> {
  const logs: string[] = [];
  const notices: string[] = [];
  const note = (text: unknown) => logs.push(String(text));
  const app = await Test.createTestingModule({
    imports: [WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 }, ...options })],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger({ log: (text: unknown) => notices.push(String(text)), warn: note, error: note })
    .compile();
  const scheduler = app.get(Scheduler);
  for (const worker of workers) scheduler.register(worker);
  if (init) await app.init();
  return {
    clock,
    scheduler,
    sources: app.get(EventSources),
    recorder: app.get(RunRecorder),
    logs,
    notices,
    runs: async (worker) => (await app.get(RunRecorder).find({ worker, limit: 1000 })).reverse(),
    close: async () => {
      const closed = app.close();
      await clock.advance('1s');
      await closed;
    },
  };
}

/** A worker whose runs take so long on the clock, and end early when their signal aborts unless they are deaf. */
export function taking(
  clock: ManualClock,
  ms: number,
  { deaf = false } = {},
): (context: RunContext) => Promise<void> {
  return ({ signal }) =>
    new Promise((resolve, reject) => {
      const timer = clock.setTimer(resolve, ms);
      if (deaf) return;
      signal.addEventListener('abort', () => {
        timer.cancel();
        reject(signal.reason as Error);
      });
    });
}
