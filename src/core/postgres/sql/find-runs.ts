import { asInstant, asMs } from './record.js';
import { runColumns } from './run-columns.js';
import { type RunOutcome } from '../../history/run.js';
import { type RunQuery } from '../../history/run.store.js';

const OUTCOMES: ReadonlySet<RunOutcome> = new Set<RunOutcome>([
  'running', 'succeeded', 'failed', 'timed_out', 'aborted', 'cancelled', 'lost',
]); // prettier-ignore

/**
 * Most runs with errors that one search for a text looks at: each takes some 10 µs, and with a million the statement
 * would run into its time limit. `searchedTo` returns where it stopped.
 */
export const SEARCHED = 10_000;

type Query = { statement(schema: string): string; values: unknown[] };

/**
 * A statement for each combination of filters, so that each is planned with its index (schema-steps.ts). Outcomes and
 * triggers are literals in it: the indexes are partial, for rare values, which the planner has to see. `run.started_at`
 * is the column; the bare name would be the selected number, which no index has.
 */
export function findRuns(query: RunQuery): Query {
  const { text, limit, withLog = false } = query;
  const { from, values } = candidates(query);
  const columns = `${runColumns}${withLog ? ', log, payload' : ''}`;
  const order = 'ORDER BY run.started_at DESC, run.id DESC';
  if (text === undefined) {
    values.push(limit);
    return {
      values,
      statement: (schema) => `SELECT ${columns} FROM ${from(schema)} ${order} LIMIT $${values.length}`,
    };
  }
  values.push(text, limit);
  return {
    values,
    statement: (schema) => `
SELECT ${columns} FROM (SELECT * FROM ${from(schema)} ${order} LIMIT ${SEARCHED}) AS run
WHERE EXISTS (
  SELECT FROM unnest('{name,message}'::text[]) AS field,
    jsonb_path_query(error, ('strict $.**.' || field)::jsonpath, silent => true) AS said
  WHERE strpos(lower(said #>> '{}'), lower($${values.length - 1})) > 0
)
${order}
LIMIT $${values.length}
`,
  };
}

/** The last run that a search for a text looks at; no row when it looks at all. */
export function searchedTo(query: RunQuery): Query {
  const { from, values } = candidates(query);
  return {
    values,
    statement: (schema) =>
      `SELECT id, ${asMs('run.started_at')} AS started_at FROM ${from(schema)} ORDER BY run.started_at DESC, run.id DESC LIMIT 1 OFFSET ${SEARCHED - 1}`,
  };
}

/** The runs that match the query, apart from its `text`. */
function candidates(query: RunQuery): { from(schema: string): string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const { id, worker, outcomes, trigger, since, until, text, before } = query;
  if (id !== undefined) conditions.push(`id = ${bind(id)}::uuid`);
  if (worker !== undefined) conditions.push(`worker = ${bind(worker)}`);
  if (outcomes) {
    const known = outcomes.filter((outcome) => OUTCOMES.has(outcome)).map((outcome) => `'${outcome}'`);
    conditions.push(known.length ? `outcome IN (${known.join(', ')})` : 'false');
  }
  if (trigger !== undefined) {
    conditions.push(`trigger = ${bind(trigger)}`);
    if (trigger !== 'schedule') conditions.push(`trigger <> 'schedule'`);
  }
  if (since) conditions.push(`started_at >= ${asInstant(bind(since.getTime()))}`);
  if (until) conditions.push(`started_at < ${asInstant(bind(until.getTime()))}`);
  if (text !== undefined) conditions.push('error IS NOT NULL');
  if (before)
    conditions.push(
      `(started_at, id) < (${asInstant(bind(before.startedAt.getTime()))}, ${bind(before.id)}::uuid)`,
    );
  const where = conditions.length ? ` WHERE ${conditions.join(' AND ')}` : '';
  return { values, from: (schema) => `${schema}.runs AS run${where}` };
}
