import { TransactionRolledBackError } from './transaction.errors.js';
import { sleep } from '../../core/timing/timer.js';

/** How often a transaction is begun that loses a conflict each time, and milliseconds between two tries. */
const ATTEMPTS = 6;
const CONFLICT_PAUSE = 20;

/**
 * Calls `fn`, a transaction or a statement that commits by itself, and again, five times at most, while PostgreSQL has
 * rolled it back because of a deadlock or a serialization conflict.
 */
export async function untilNoConflict<T>(fn: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error;
    }
    // Not at once, nor all at the same time: they would meet again.
    await sleep(Math.random() * CONFLICT_PAUSE * attempt);
  }
}

function isConflict(error: unknown): boolean {
  const { driverError, cause } = error as { driverError?: { code?: string }; cause?: unknown };
  if (error instanceof TransactionRolledBackError) return isConflict(cause ?? {});
  return driverError?.code === '40001' || driverError?.code === '40P01';
}
