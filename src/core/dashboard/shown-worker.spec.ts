import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { createTestDatabase } from '../../../test/support/database.js';
import { postgres } from '../postgres/postgres.coordinator.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { workersInTurn } from './shown-worker.js';

describe('workers that are looked at in turn', () => {
  async function withoutRemoved(options: WorkerModuleOptions): Promise<unknown> {
    const module = await Test.createTestingModule({ imports: [WorkerModule.forRoot(options)] }).compile();
    const app = await module.createNestApplication({ logger: false }).init();
    try {
      const scheduler = app.get(Scheduler);
      for (const name of ['b', 'a']) scheduler.register({ name, interval: '1h', run: () => undefined });
      const { source, workers } = await workersInTurn(scheduler);
      await scheduler.unregister('a');
      return [source, ...workers.map((look) => look()?.name)];
    } finally {
      await app.close();
    }
  }

  it('are without one that was removed meanwhile', async () => {
    expect(await withoutRemoved({})).toEqual(['replica', undefined, 'b']);
  });

  it('are without it in a cluster too', async () => {
    const database = await createTestDatabase();
    const options = { coordination: postgres({ connectionString: database.url }) };
    expect(await withoutRemoved(options)).toEqual(['cluster', undefined, 'b', 'workers_retention']);
    await database.drop();
  });
});
