import { type TransactionRunner } from '../worker/run-context.js';

type Runner = Partial<Record<'query' | 'execute' | 'raw', unknown>>;

/**
 * Runs a statement in a transaction of whichever library.
 * @param parameters texts and numbers
 * @param caller what was called with the runner, for the error
 * @throws TypeError for what runs no SQL
 */
export async function rowsIn(
  runner: TransactionRunner,
  sql: string,
  parameters: readonly (string | number)[],
  caller = 'assertCurrent',
): Promise<unknown[]> {
  const result = await send(runner, sql, parameters, caller);
  // Some give the rows, others an object that has them.
  const rows: unknown = Array.isArray(result) ? result : (result as { rows?: unknown } | undefined)?.rows;
  if (Array.isArray(rows)) return rows;
  throw new TypeError(`${caller}: what was given for the transaction does not answer with rows`);
}

function send(
  runner: TransactionRunner,
  sql: string,
  parameters: readonly (string | number)[],
  caller: string,
): unknown {
  // Drizzle has a `query` that is no function, and Knex is one.
  const { query, execute, raw } = (runner ?? {}) as Runner;
  if (typeof query === 'function') return query.call(runner, sql, [...parameters]);
  // Each of the others has placeholders of its own.
  const whole = sql.replace(/\$(\d+)/g, (_, n: string) => literal(parameters[Number(n) - 1]!));
  if (typeof execute === 'function') return execute.call(runner, whole);
  if (typeof raw === 'function') return raw.call(runner, whole);
  throw new TypeError(
    `${caller}: give what runs SQL in your transaction: an object with query(sql, parameters), or a transaction of ` +
      'TypeORM, pg, MikroORM, Drizzle or Knex',
  );
}

/** As PostgreSQL reads it whatever `standard_conforming_strings` says, and without `?`, which Knex takes for a placeholder. */
function literal(value: string | number): string {
  if (typeof value === 'number') return String(value);
  return `E'${value.replace(/['\\?]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)}'`;
}
