import { Test } from '@nestjs/testing';
import { expect, it } from '@jest/globals';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';
import { workersInTurn } from './shown-worker.js';

it('says nothing of a worker that is removed between the list and the look at it', async () => {
  const module = await Test.createTestingModule({ imports: [WorkerModule.forRoot()] }).compile();
  const app = await module.createNestApplication({ logger: false }).init();
  const scheduler = app.get(Scheduler);
  for (const name of ['b', 'a']) scheduler.register({ name, interval: '1h', run: () => undefined });
  const { workers } = await workersInTurn(scheduler);
  await scheduler.unregister('a');
  expect(workers.map((look) => look()?.name)).toEqual([undefined, 'b']);
  await app.close();
});
