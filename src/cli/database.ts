import type pg from 'pg';
import { CommandError, EXIT } from './exit-codes.js';

/** Milliseconds for a connection. */
const PATIENCE = 10_000;

/** `pg` is needed for this alone, and may not be installed. @throws CommandError */
export async function openPool(url: string): Promise<pg.Pool> {
  let driver: typeof pg;
  try {
    ({ default: driver } = await import('pg'));
  } catch {
    throw new CommandError('This needs the package pg: npm install pg', EXIT.unavailable);
  }
  const pool = new driver.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: PATIENCE });
  // What ends an idle connection is said by the next statement.
  pool.on('error', () => {});
  return pool;
}
