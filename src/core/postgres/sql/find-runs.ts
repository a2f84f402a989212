import { asInstant, asMs } from './record.js';
import { runColumns } from './run-columns.js';
import { type RunOutcome } from '../../history/run.js';
import { type RunQuery } from '../../history/run.store.js';

const OUTCOMES: ReadonlySet<RunOutcome> = new Set<RunOutcome>([
  'running', 'succeeded', 'failed', 'timed_out', 'aborted', 'cancelled', 'lost',
]); // prettier-ignore

/**
 * Most runs that one search without an index looks at: for a text, for an outcome together with a trigger, for successes
 * or scheduled runs where there are hardly any. For a text each takes some 10 µs, and with a million the statement would run
 * into its time limit. `searchedTo` returns where it stopped.
 */
export const SEARCHED = 10_000;

type Query = { statement(schema: string): string; values: unknown[] };

/**
 * A statement for each combination of filters, so that each is planned with its index (schema-steps.ts). Outcomes and
 * triggers are literals in it: the indexes are partial, for rare values, which the planner has to see. `run.started_at`
 * is the column; the bare name would be the selected number, which no index has.
 */
export function findRuns(query: RunQuery): Query {
  const { limit, withLog = false } = query;
  const { from, values, rest } = candidates(query);
  const columns = `${runColumns}${withLog ? ', log, payload' : ''}`;
  const order = 'ORDER BY run.started_at DESC, run.id DESC';
  const conditions = rest(values);
  values.push(limit);
  const most = `LIMIT $${values.length}`;
  return {
    values,
    statement: (schema) =>
      conditions.length === 0
        ? `SELECT ${columns} FROM ${from(schema)} ${order} ${most}`
        : `
SELECT ${columns} FROM (SELECT * FROM ${from(schema)} ${order} LIMIT ${SEARCHED}) AS run
WHERE ${conditions.join(' AND ')}
${order}
${most}
`,
  };
}

/** The last run that a search looks at; no row when it looks at all. Undefined when an index alone answers the query. */
export function searchedTo(query: RunQuery): Query | undefined {
  const { from, values, rest } = candidates(query);
  if (rest([]).length === 0) return undefined;
  return {
    values,
    statement: (schema) =>
      `SELECT id, ${asMs('run.started_at')} AS started_at FROM ${from(schema)} ORDER BY run.started_at DESC, run.id DESC LIMIT 1 OFFSET ${SEARCHED - 1}`,
  };
}

interface Candidates {
  /** The runs of which an index finds the newest. */
  from(schema: string): string;
  readonly values: unknown[];
  /** Further conditions on these runs. Adds their parameters to `values`. */
  rest(values: unknown[]): string[];
}

function candidates(query: RunQuery): Candidates {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const { id, worker, key, outcomes, trigger, since, until, text, before } = query;
  const rest: ((values: unknown[]) => string)[] = [];
  if (id !== undefined) conditions.push(`id = ${bind(id)}::uuid`);
  if (worker !== undefined) conditions.push(`worker = ${bind(worker)}`);
  if (key !== undefined) conditions.push(`key = ${bind(key)}`);
  // A key has few runs, so that all else is looked for among these. Of the runs of one trigger there are few, except those of the schedule; of failures there may be many.
  const rareTrigger = trigger !== undefined && trigger !== 'schedule' && key === undefined;
  if (outcomes) {
    const known = outcomes.filter((outcome) => OUTCOMES.has(outcome)).map((outcome) => `'${outcome}'`);
    const condition = known.length ? `outcome IN (${known.join(', ')})` : 'false';
    const isRare = known.length === 0 || !outcomes.includes('succeeded');
    if (isRare && !rareTrigger && text === undefined && key === undefined) conditions.push(condition);
    else rest.push(() => condition);
  }
  if (rareTrigger) conditions.push(`trigger = ${bind(trigger)}`, `trigger <> 'schedule'`);
  else if (trigger !== undefined) rest.push((all) => `trigger = $${all.push(trigger)}`);
  if (since) conditions.push(`started_at >= ${asInstant(bind(since.getTime()))}`);
  if (until) conditions.push(`started_at < ${asInstant(bind(until.getTime()))}`);
  if (text !== undefined) {
    if (rareTrigger || key !== undefined) rest.push(() => 'error IS NOT NULL');
    else conditions.push('error IS NOT NULL');
    rest.push((all) => saidIn(`$${all.push(text)}`));
  }
  if (before)
    conditions.push(
      `(started_at, id) < (${asInstant(bind(before.startedAt.getTime()))}, ${bind(before.id)}::uuid)`,
    );
  const where = conditions.length ? ` WHERE ${conditions.join(' AND ')}` : '';
  return {
    values,
    from: (schema) => `${schema}.runs AS run${where}`,
    rest: (all) => rest.map((condition) => condition(all)),
  };
}

/** Whether the name or the message of the error, of its causes, or of those in it, has this text. */
function saidIn(text: string): string {
  return `EXISTS (
  SELECT FROM unnest('{name,message}'::text[]) AS field,
    jsonb_path_query(error, ('strict $.**.' || field)::jsonpath, silent => true) AS said
  WHERE strpos(lower(said #>> '{}'), lower(${text})) > 0
)`;
}
