import type pg from 'pg';
import { databaseFault } from '../core/http/database-fault.js';
import { messageOf } from '../core/text/describe-error.js';
import { CommandError, EXIT } from './exit-codes.js';

/** Milliseconds for a connection. */
const PATIENCE = 10_000;

/** `pg` takes what is no address for the name of a host. */
const ADDRESS = /^(?:postgres(?:ql)?:\/\/|socket:|\/)/;

/** `pg` is needed for this alone, and may not be installed. @throws CommandError */
export async function openPool(url: string): Promise<pg.Pool> {
  // Not shown, as it may have a password.
  if (!ADDRESS.test(url))
    throw new CommandError(
      'The address of the database is none: give one such as postgres://user@host:5432/name',
      EXIT.usage,
    );
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

/** What a failed statement ends the command with. */
export function databaseError(error: unknown): CommandError {
  const isAway = databaseFault(error)?.status === 503;
  return new CommandError(messageOf(error), isAway ? EXIT.unavailable : EXIT.failed);
}
