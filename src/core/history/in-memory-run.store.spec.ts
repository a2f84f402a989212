import { describe, expect, it } from '@jest/globals';
import { runStoreContract } from '../testing/run-store.contract.js';
import { InMemoryRunStore } from './in-memory-run.store.js';
import { type Run } from './run.js';

describe('InMemoryRunStore', () => {
  const contract = runStoreContract(async () => ({ store: new InMemoryRunStore() }));
  for (const { name, run } of contract) it(name, run);

  it('keeps the newest runs of each worker and forgets the rest', async () => {
    const store = new InMemoryRunStore(2);
    const run = (id: string, worker: string, at: number): Run => ({
      id, worker, replica: 'r', trigger: 'schedule', attempt: 1, outcome: 'succeeded',
      scheduledAt: new Date(at), startedAt: new Date(at), endedAt: new Date(at),
    }); // prettier-ignore
    await store.save([run('1', 'busy', 1), run('2', 'calm', 2), run('3', 'busy', 3), run('4', 'busy', 4)]);
    expect((await store.find({ limit: 10 })).map(({ id }) => id)).toEqual(['4', '3', '2']);
  });
});
