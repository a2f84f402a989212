import 'reflect-metadata';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../../src/app/embedded-postgres/index.js';
import { migrate } from '../../../src/modules/schema/migrate.js';
import { runSeeds } from '../run-seeds.js';
import { onPostgres } from './postgres-world.js';
import { simulateSchedules } from './simulation.js';

/** `npm run simulate:schedules -- --seeds N --from S`, or `--seed X --trace` to see one; with `--postgres` on a PostgreSQL of its own. */
const NAME = 'simulate:schedules';

if (process.argv.includes('--postgres'))
  await withPostgres(async (url) => {
    const { simulate, close } = await onPostgres(url);
    await runSeeds(NAME, simulate, '--postgres').finally(close);
  });
else await runSeeds(NAME, simulateSchedules);

async function withPostgres(work: (url: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-simulation-'));
  // As root PostgreSQL runs as another user.
  await chmod(directory, 0o755);
  const server = await startEmbeddedPostgres({ directory });
  try {
    await migrate(server.url);
    await work(server.url);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
