import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../../src/app/embedded-postgres/index.js';

/** Where a scenario takes place. */
export interface Place {
  /** Of a new PostgreSQL. */
  url: string;
  /** Of the built package: this one. */
  checkout: string;
  /** Empty, and gone afterwards. */
  directory: string;
}

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));

/** A new PostgreSQL and a directory, which are gone afterwards. */
export async function atPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-chaos-'));
  // mkdtemp makes it 0700; as root PostgreSQL runs as another user.
  await chmod(root, 0o755);
  try {
    const server = await startEmbeddedPostgres({ directory: join(root, 'postgres') });
    try {
      return await work({ url: server.url, checkout: CHECKOUT, directory: root });
    } finally {
      await server.stop();
    }
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}
