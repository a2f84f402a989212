import { type TransactionRunner } from '../worker/run-context.js';

type Parameter = string | number | null;

type Runner = Partial<Record<'query' | 'execute' | 'raw', unknown>>;

/**
 * Runs a statement in a transaction of any supported library.
 * @returns the rows
 * @param parameters texts, numbers and null
 * @param caller name of the called function, for errors
 * @throws TypeError for a runner that cannot run SQL, or whose answer has no rows
 */
export async function rowsIn(
  runner: TransactionRunner,
  sql: string,
  parameters: readonly Parameter[],
  caller = 'assertCurrent',
): Promise<unknown[]> {
  const result = await send(runner, sql, parameters, caller);
  // Some libraries return the rows, others an object with `rows`.
  const rows: unknown = Array.isArray(result) ? result : (result as { rows?: unknown } | undefined)?.rows;
  if (Array.isArray(rows)) return rows;
  throw new TypeError(`${caller}: what was given for the transaction does not answer with rows`);
}

function send(
  runner: TransactionRunner,
  sql: string,
  parameters: readonly Parameter[],
  caller: string,
): unknown {
  // Drizzle has a `query` that is not a function, and Knex itself is a function.
  const { query, execute, raw } = (runner ?? {}) as Runner;
  if (typeof query === 'function') return query.call(runner, sql, [...parameters]);
  // The other libraries have different placeholders, so the values are written into the SQL.
  const whole = sql.replace(/\$(\d+)/g, (_, n: string) => literal(parameters[Number(n) - 1]!));
  if (typeof execute === 'function') return execute.call(runner, whole);
  if (typeof raw === 'function') return raw.call(runner, whole);
  throw new TypeError(
    `${caller}: give what runs SQL in your transaction: an object with query(sql, parameters), or a transaction of ` +
      'TypeORM, pg, MikroORM, Drizzle or Knex',
  );
}

/** A literal that does not depend on `standard_conforming_strings`, without `?`, which is a placeholder for Knex. */
function literal(value: Parameter): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  return `E'${value.replace(/['\\?]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`)}'`;
}
