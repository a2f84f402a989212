import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { runStoreContract } from 'ctrlplane-workers/testing';
import { FileRunStore } from '../file-run.store.js';

describe('FileRunStore', () => {
  const contract = runStoreContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runs-'));
    const store = new FileRunStore(join(folder, 'runs.json'));
    await store.open();
    return { store, teardown: () => rm(folder, { recursive: true }) };
  });
  for (const { name, run } of contract) it(name, run);
});
