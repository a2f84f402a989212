import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../dist/app/embedded-postgres/index.js';

/**
 * Calls `work` with the URL of a new PostgreSQL, with the settings of the reference app, that is gone
 * afterwards: also after Ctrl-C, which it would outlive, as it runs in a session of its own.
 */
export async function withPostgres<T>(work: (url: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-bench-'));
  // mkdtemp makes it 0700; as root PostgreSQL runs as another user.
  await chmod(directory, 0o755);
  const starting = startEmbeddedPostgres({ directory });
  const remove = async (): Promise<void> => {
    await starting.then(
      (server) => server.stop(),
      () => undefined,
    );
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const interrupted = (): void => void remove().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  try {
    return await work((await starting).url);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
    await remove();
  }
}
