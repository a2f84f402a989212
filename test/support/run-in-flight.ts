import { expect } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/app/embedded-postgres/index.js';
import { type AppProcess } from './app-process.js';
import { type AppWorkbench, type StartOptions, TOKEN } from './app-workbench.js';
import { eventually } from './eventually.js';
import { answerOf, deletionsIn, type InstanceRow, instancesIn, loseWorkload } from './fleet.js';
import { fleetFile } from './fleet-file.js';
import { embeddedDatabase, query } from './query.js';

/** An app in the middle of a run: the garbage collector waits for an instance that takes its time to end. */
export interface RunInFlight {
  app: AppProcess;
  /** Of the app. */
  dataDirectory: string;
  fleet: string;
  runId: string;
  /** What the run is about to remove. */
  lost: InstanceRow;
  /** What nothing should happen to. */
  kept: InstanceRow[];
}

/** What a stopped app's database holds. */
export interface Remains {
  run: { outcome: string; error: { message: string } | null };
  deletions: Record<string, unknown>[];
  instances: InstanceRow[];
}

export async function startRunInFlight(
  workbench: AppWorkbench,
  { stopAfter = 1_500, ...options }: StartOptions & { stopAfter?: number } = {},
): Promise<RunInFlight> {
  const directory = await workbench.directory();
  const dataDirectory = join(directory, 'data');
  const fleet = await fleetFile(
    directory,
    { steady: { replicas: 2 }, lost: { replicas: 1, stopAfter } },
    // Runs when it is told to.
    { interval: 0, instanceGracePeriod: 0 },
  );
  const app = workbench.start(dataDirectory, { ...options, env: { FLEET: fleet, ...options.env } });
  await app.said(/3 instances are running/);
  const database = await embeddedDatabase(dataDirectory);
  const instances = await instancesIn(database);
  // Before that they do not know that they should take their time.
  await Promise.all(instances.map(({ url }) => answerOf(url)));

  const workloadId = await loseWorkload(database, 'lost');
  const { body } = await app.post<{ run_id: string }>('/workers/gc/trigger', TOKEN);
  await eventually(async () => (await instancesIn(database)).some(({ state }) => state === 'destroying'));
  const lost = instances.find(({ workload_id }) => workload_id === workloadId)!;
  const kept = instances.filter((instance) => instance !== lost);
  return { app, dataDirectory, fleet, runId: body.run_id, lost, kept };
}

/** The embedded PostgreSQL has written everything and is gone, and these instances go on. */
export async function expectCleanStop(dataDirectory: string, kept: InstanceRow[] = []): Promise<void> {
  const log = await readFile(join(dataDirectory, 'postgres/server.log'), 'utf8');
  expect(log).toMatch(/database system is shut down\n$/);
  expect(await readdir(join(dataDirectory, 'postgres/data'))).not.toContain('postmaster.pid');
  for (const { url, pid } of kept) expect(await answerOf(url)).toBe(String(pid));
}

/** Runs the database of a stopped app to look into it. */
export async function remainsOf({ dataDirectory, runId }: RunInFlight): Promise<Remains> {
  const server = await startEmbeddedPostgres({ directory: join(dataDirectory, 'postgres') });
  const [run] = await query<Remains['run']>(
    server.url,
    'SELECT outcome, error FROM workers.runs WHERE id = $1',
    [runId],
  );
  const deletions = await deletionsIn(server.url);
  const instances = await instancesIn(server.url);
  await server.stop();
  return { run: run!, deletions, instances };
}
