import { afterEach, expect, it } from '@jest/globals';
import { hostname } from 'node:os';
import { startWorkers, type Workers } from '../../test/support/workers.js';
import { LocalCoordinator } from './coordination/local.coordinator.js';
import { InMemoryRunStore } from './history/in-memory-run.store.js';
import { postgresHistory } from './postgres/postgres-run.store.js';
import { postgres } from './postgres/postgres.coordinator.js';
import { ManualClock } from './testing/manual-clock.js';
import { type WorkerModuleOptions } from './worker-module.options.js';

const WORKERS = ['a', 'b'].map((name) => ({ name, interval: '1s' as const, run: () => {} }));

let workers: Workers;
afterEach(() => workers.close());

async function lineOf(options: WorkerModuleOptions, clock = new ManualClock()): Promise<string> {
  workers = await startWorkers(WORKERS, options, clock);
  const lines = workers.notices.filter((line) => line.includes('; store: '));
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

it('the start is logged in a line: workers, store, coordination, replica, host', async () => {
  const line = await lineOf({ release: '1.4.2' });
  expect(line).toBe(
    'Started 2 workers; store: memory of this process; coordination: none; ' +
      `replica ${workers.recorder.replica.id} of release 1.4.2; host ${hostname()}; pid ${process.pid}`,
  );
});

it('the line says of workers that are disabled, and of those that do not run here, that they do not', async () => {
  expect(await lineOf({ workers: { a: { enabled: false } } })).toMatch(
    /^Started 2 workers, 1 of them disabled;/,
  );
  await workers.close();
  expect(await lineOf({ run: false })).toMatch(
    /^2 workers, none of which runs in this process \(run: false\);/,
  );
  await workers.close();
  expect(await lineOf({ autoStart: false })).toMatch(/^2 workers, which wait for Scheduler\.start\(\);/);
});

it('the line names a coordinator, and a store of the application by its class', async () => {
  class OwnStore extends InMemoryRunStore {
    override readonly description = undefined as unknown as string;
  }
  const clock = new ManualClock();
  const line = await lineOf({ history: new OwnStore(), coordination: new LocalCoordinator(clock) }, clock);
  expect(line).toContain('; store: OwnStore; coordination: memory of this process; ');
});

it('PostgreSQL is named by its schema, and by nothing secret', async () => {
  const connectionString = 'postgres://user:secret@127.0.0.1/db';
  workers = await startWorkers([]);
  for (const part of [postgres, postgresHistory])
    expect(part({ connectionString, schema: 'jobs' }).description).toBe('PostgreSQL, schema "jobs"');
});
