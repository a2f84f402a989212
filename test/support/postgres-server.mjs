// The one PostgreSQL of a test run, in a process of its own: it starts a server in a temporary directory,
// says its URL, and stops it and removes the directory as soon as the channel to its parent closes, whether
// by the teardown or because the run was killed.
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tsImport } from 'tsx/esm/api';

/** As `statfs` of Linux says. */
const TMPFS = 0x01021994;
/** Bytes: twenty times the most that was seen in use. */
const ROOMY = 4 * 2 ** 30;

const parentGone = new Promise((resolve) => process.once('disconnect', resolve));

const { startEmbeddedPostgres } = await tsImport('../../src/app/embedded-postgres/index.ts', import.meta.url);
const directory = await mkdtemp(join(await place(), 'ctrlplane-workers-test-'));
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

/**
 * Memory, where there is plenty. A run makes and removes thousands of databases of 300 files. ext4 does not reuse the inodes of files that
 * were removed within the last minutes, and looks at all of them for each new file: two suites took 99 s there, and 56 s in memory.
 */
async function place() {
  const memory = '/dev/shm';
  try {
    const { type, bavail, bsize } = await statfs(memory);
    if (type === TMPFS && bavail * bsize > ROOMY) return memory;
  } catch {
    // Not on Linux.
  }
  return tmpdir();
}
