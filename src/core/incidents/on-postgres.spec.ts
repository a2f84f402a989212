import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { postgres } from '../postgres/postgres.coordinator.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';
import { Incidents } from './incidents.js';
import { IncidentsModule } from './incidents.module.js';

const WATCHED = ['failing', 'did_nothing'];

let database: TestDatabase;
let apps: TestingModule[] = [];
/** Of both replicas. */
let told: string[] = [];
/** What the worker does next. */
let act: () => unknown;

beforeAll(async () => (database = await createTestDatabase()));
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  told = [];
});
afterAll(() => database.drop());

async function start(): Promise<TestingModule> {
  const app = await Test.createTestingModule({
    imports: [
      WorkerModule.forRoot({
        coordination: postgres({ connectionString: database.url, service: 'incidents' }),
        workers: { workers_incidents: { interval: '1s', record: 'all' } },
        drain: { timeout: 0, abortGrace: 0 },
      }),
      IncidentsModule.forRoot({
        onIncident: ({ subject, condition }, type) => {
          // Others come of a machine that stands still for seconds.
          if (WATCHED.includes(condition)) told.push(`${type} ${subject} ${condition}`);
        },
      }),
    ],
  })
    .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
    .compile();
  app
    .get(Scheduler)
    .register({ name: 'job', interval: '1s', expect: { rows: { min: 1 } }, run: () => act() });
  await app.init();
  apps.push(app);
  return app;
}

const judged = async () =>
  (await apps[0]!.get(Scheduler).status()).find(({ name }) => name === 'workers_incidents')!.runCount;

describe('incidents of a cluster on Postgres', () => {
  it('are opened and closed once, by whichever replica judges', async () => {
    act = () => Promise.reject(new Error('as told'));
    const [first] = [await start(), await start()];
    await eventually(async () => told.length > 0);
    const seen = await judged();
    await eventually(async () => (await judged()) > seen + 2);
    expect(told).toEqual(['incident.opened job failing']);
    const [incident] = await first.get(Incidents).find({ open: true, limit: 10 });
    expect(incident).toMatchObject({ subject: 'job', runId: expect.any(String), toldAt: incident!.openedAt });

    // It succeeds, and does nothing.
    act = () => undefined;
    await eventually(async () => told.length > 2);
    expect(told.slice(1).toSorted()).toEqual([
      'incident.closed job failing',
      'incident.opened job did_nothing',
    ]);
  });
});
