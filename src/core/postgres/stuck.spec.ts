import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type Worker } from '../worker/worker.js';
import { WorkerModule } from '../worker.module.js';
import { postgres } from './postgres.coordinator.js';

describe('a run that has passed its timeout, on one of two replicas', () => {
  let database: TestDatabase;
  const apps: INestApplicationContext[] = [];
  let release = (): void => {};

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    release();
    for (const app of apps.splice(0)) await app.close();
  });
  afterAll(() => database.drop());

  async function startReplica(worker: Partial<Worker>): Promise<Scheduler> {
    const coordination = postgres({ connectionString: database.url });
    const app = await Test.createTestingModule({
      imports: [WorkerModule.forRoot({ coordination, drain: { timeout: 0, abortGrace: 0 } })],
    })
      .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
      .compile();
    apps.push(app);
    const scheduler = app.get(Scheduler);
    const run = () => new Promise<void>((resolve) => (release = resolve));
    scheduler.register({ name: 'deaf', interval: 0, ...worker, run });
    await app.init();
    return scheduler;
  }

  it.each<[string, Partial<Worker>]>([
    ['that was triggered', {}],
    ['of a slot', { interval: '1s' }],
  ])('%s, is stuck for both, until it ends', async (_what, options) => {
    const worker = { name: `deaf ${_what}`, timeout: 500, ...options };
    const replicas = [await startReplica(worker), await startReplica(worker)];
    const infos = async () =>
      Promise.all(
        replicas.map(async (replica) => (await replica.status()).find(({ name }) => name === worker.name)),
      );
    if (!options.interval) await replicas[0]!.trigger(worker.name);
    let said = await infos();
    await eventually(async () => {
      said = await infos();
      return said.every((info) => info?.state === 'stuck');
    });
    // On a machine that stands still it is stale as well.
    for (const info of said) {
      expect(info).toMatchObject({ activeRuns: 1, holder: said[0]!.holder });
      expect(info!.conditions).toContain('stuck');
    }
    // The other one knows by itself of no run that is active.
    await eventually(
      () => replicas.filter((replica) => replica.workerByName(worker.name)!.state === 'stuck').length === 1,
    );

    for (const replica of replicas) await replica.pause(worker.name);
    release();
    await eventually(async () => {
      said = await infos();
      return said.every((info) => info?.state === 'paused' && !info.conditions.includes('stuck'));
    });
  });
});
