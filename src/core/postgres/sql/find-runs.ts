import { asInstant } from './record.js';
import { runColumns } from './run-columns.js';
import { type RunOutcome } from '../../history/run.js';
import { type RunQuery } from '../../history/run.store.js';

const OUTCOMES: ReadonlySet<RunOutcome> = new Set<RunOutcome>([
  'running', 'succeeded', 'failed', 'timed_out', 'aborted', 'cancelled', 'lost',
]); // prettier-ignore

/**
 * A statement for each combination, so that each is planned for the index that it has (schema-steps.ts). Outcomes and
 * triggers stand in it literally: the indexes are of those that are rare, which the planner has to see. `run.started_at` is the
 * column; the bare name would be the number that is selected, which no index has.
 */
export function findRuns(query: RunQuery): { statement(schema: string): string; values: unknown[] } {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const { id, worker, outcomes, trigger, since, until, text, before, limit, withLog = false } = query;
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
  if (text !== undefined)
    conditions.push(`error IS NOT NULL AND EXISTS (
      SELECT FROM unnest('{name,message}'::text[]) AS field,
        jsonb_path_query(error, ('strict $.**.' || field)::jsonpath, silent => true) AS said
      WHERE strpos(lower(said #>> '{}'), lower(${bind(text)})) > 0
    )`);
  if (before)
    conditions.push(
      `(started_at, id) < (${asInstant(bind(before.startedAt.getTime()))}, ${bind(before.id)}::uuid)`,
    );
  const most = bind(limit);
  return {
    statement: (schema) => `
SELECT ${runColumns}${withLog ? ', log, payload' : ''} FROM ${schema}.runs AS run
${conditions.length ? `WHERE ${conditions.join('\n  AND ')}` : ''}
ORDER BY run.started_at DESC, run.id DESC
LIMIT ${most}
`,
    values,
  };
}
