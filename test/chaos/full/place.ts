import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../../src/app/embedded-postgres/index.js';

/** Where a scenario takes place. */
export interface Place {
  /** Of the built package: this one, or `TEST_CHECKOUT`. */
  checkout: string;
  /** Empty but for the server, and gone afterwards. */
  directory: string;
}

const CHECKOUT = process.env.TEST_CHECKOUT ?? fileURLToPath(new URL('../../../', import.meta.url));

/** A new directory, which is gone afterwards. */
export async function atPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-chaos-'));
  // mkdtemp makes it 0700; as root PostgreSQL runs as another user.
  await chmod(directory, 0o755);
  try {
    return await work({ checkout: CHECKOUT, directory });
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The same with a new PostgreSQL. */
export function atServer<T>(work: (place: Place & { url: string }) => Promise<T>): Promise<T> {
  return atPlace(async (place) => {
    const server = await startEmbeddedPostgres({ directory: join(place.directory, 'postgres') });
    try {
      return await work({ ...place, url: server.url });
    } finally {
      await server.stop();
    }
  });
}
