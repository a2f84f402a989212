import { type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type EndedRun } from '../../src/core/history/run.js';
import { Scheduler } from '../../src/core/scheduler/scheduler.js';
import { ManualClock } from '../../src/core/testing/manual-clock.js';
import { Clock } from '../../src/core/timing/clock.js';
import { WorkerModule } from '../../src/core/worker.module.js';
import { type WorkerModuleOptions } from '../../src/core/worker-module.options.js';

/** An application on a clock that stands still: its workers run when triggered. */
export interface WorkerApp {
  app: Pick<INestApplication, 'get' | 'close'>;
  /** Runs a worker once, to its end. */
  run(worker: string, payload?: unknown): Promise<EndedRun>;
}

const apps: WorkerApp['app'][] = [];

/** @throws what the application throws at its start */
export async function startApp(
  metadata: ModuleMetadata,
  options: WorkerModuleOptions = {},
): Promise<WorkerApp> {
  const app = await Test.createTestingModule({
    ...metadata,
    imports: [WorkerModule.forRoot(options), ...(metadata.imports ?? [])],
  })
    .overrideProvider(Clock)
    .useValue(new ManualClock())
    .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
    .compile();
  apps.push(app);
  await app.init();
  return {
    app,
    run: async (worker, payload) => (await app.get(Scheduler).trigger(worker, payload)).ended,
  };
}

/** For `afterEach`. */
export async function closeApps(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}
