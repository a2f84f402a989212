// The one PostgreSQL of a test run, in a process of its own: it starts a server in a temporary directory,
// says its URL, and stops it and removes the directory as soon as the channel to its parent closes, whether
// by the teardown or because the run was killed.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';

const parentGone = new Promise((resolve) => process.once('disconnect', resolve));

const { startEmbeddedPostgres } = await tsImport('../../src/app/embedded-postgres/index.ts', import.meta.url);
const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-test-'));
try {
  // mkdtemp makes it 0700; as root PostgreSQL runs as another user.
  await chmod(directory, 0o755);
  const server = await startEmbeddedPostgres({
    directory,
    // Nothing here has to survive a power cut.
    settings: {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      max_prepared_transactions: '4',
    },
  });
  try {
    process.send?.({ url: server.url });
    await parentGone;
  } finally {
    await server.stop();
  }
} catch (error) {
  if (!process.connected) throw error;
  process.send?.({ error: String(error) });
} finally {
  await rm(directory, { recursive: true, force: true });
}
