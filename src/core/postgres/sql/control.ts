import { dropDeferred, instant, isHeld, NOW, requestWaits, startAfter } from './conditions.js';
import { asInstant, asInterval, asMs, timeColumn } from './record.js';

const CHANGES = { pause: 'paused', resume: 'resumed', reschedule: 'rescheduled' } as const;

/** $1: worker. $2: actor, or null. When there is nothing to change, the current record is returned. */
const control = (schema: string, change: keyof typeof CHANGES, sets: string, when: string): string => `
WITH ${instant}, changed AS (
  UPDATE ${schema}.workers AS w SET revision = w.revision + 1,
    last_change = jsonb_strip_nulls(
      jsonb_build_object('change', '${CHANGES[change]}', 'at', ${asMs('clock_timestamp()')}, 'actor', $2::text)
    ),
    ${sets}
  WHERE w.name = $1 AND ${when}
  RETURNING ${schema}.record(w.*) AS record
)${change === 'resume' ? '' : `, given_up AS (${dropDeferred(`${schema}.requests`, '(SELECT $1 FROM changed)')})`}
SELECT ${timeColumn}, record FROM changed
UNION ALL
SELECT ${timeColumn}, ${schema}.record(w.*) AS record FROM ${schema}.workers AS w
WHERE w.name = $1 AND NOT EXISTS (SELECT FROM changed)
`;

/** Parameters of slots that waited for the end of a backoff: a token, the last slot, their number; null for none. */
const backedOff = (fencing: string, slot: string, skipped: string) => {
  const passes = `coalesce(w.fencing = ${fencing}::bigint, false) AND NOT ${isHeld('w')}`;
  return {
    last: `CASE WHEN ${passes} THEN ${asInstant(slot)} END`,
    count: `skipped_count = w.skipped_count + CASE WHEN ${passes} THEN coalesce(${skipped}::int, 0) ELSE 0 END`,
  };
};

/** $3 to $5: slots that waited for the end of a backoff. */
export const pauseWorker = (schema: string): string => {
  const { last, count } = backedOff('$3', '$4', '$5');
  const sets = `paused = true, not_before = NULL, ${count},${startAfter(last)}`;
  return control(schema, 'pause', sets, 'NOT w.paused');
};

/**
 * $3: slots up to this one are neither run nor counted; ms since the epoch, null for none. $4: ms from now to the first
 * run, or null.
 */
export const resumeWorker = (schema: string): string => {
  const sets = `paused = false, not_before = ${NOW} + ${asInterval('$4')},${startAfter(asInstant('$3'))}`;
  return control(schema, 'resume', sets, 'w.paused');
};

/** $3: as for resume. $4: the schedule. $5: as $4 for resume. $6 to $8: as $3 to $5 for pause. */
export const rescheduleWorker = (schema: string): string => {
  const { last, count } = backedOff('$6', '$7', '$8');
  const notBefore = `not_before = ${NOW} + ${asInterval('$5')}`;
  const slots = startAfter(`greatest(${asInstant('$3')}, ${last})`);
  return control(schema, 'reschedule', `timing = $4, ${notBefore}, ${count},${slots}`, 'true');
};

/** Asks the run with this token to end. $1: worker. $2: token. */
export const cancelRun = (schema: string): string => `
UPDATE ${schema}.workers SET cancel_requested = true
WHERE name = $1 AND fencing = $2 AND holder IS NOT NULL AND NOT cancel_requested
`;

/**
 * $1: run. $2: actor. $3: reason. Drops it, or its retry, if it waits. The cancellation is stored in any case, as the run
 * may be granted at the same time.
 */
export const cancelRunById = (schema: string): string => `
WITH ${instant}, noted AS (
  INSERT INTO ${schema}.cancellations (run_id, actor, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
), dropped AS (
  UPDATE ${schema}.requests AS r SET ended_at = clock_timestamp(), outcome = '{"dropped": true}'
  FROM ${schema}.workers AS w
  WHERE (r.id = $1 OR (r.id IN (SELECT request_id FROM ${schema}.workers WHERE run_id = $1) AND r.not_before IS NOT NULL))
    AND w.name = r.worker AND ${requestWaits('r', 'w')}
  RETURNING
    r.worker, CASE WHEN r.attempts > 0 AND r.trigger <> 'manual' THEN 'retry' ELSE r.trigger END AS trigger, r.actor,
    r.attempts + 1 AS attempt, ${asMs('coalesce(r.not_before, r.requested_at)')} AS "requestedAt"
), failed AS MATERIALIZED (
  SELECT w.name, w.owed FROM ${schema}.workers AS w
  WHERE w.run_id = $1 AND w.request_id IS NULL AND w.done AND w.owed IS NOT NULL AND NOT ${isHeld('w')}
  FOR NO KEY UPDATE
), given_up AS (
  UPDATE ${schema}.workers AS w SET owed = NULL, revision = w.revision + 1 FROM failed AS f WHERE w.name = f.name
  RETURNING
    w.name AS worker, 'retry' AS trigger, f.owed AS attempt,
    ${asMs(`coalesce(w.not_before, ${NOW})`)} AS "requestedAt"
)
SELECT
  ${timeColumn}, coalesce(
    (SELECT json_strip_nulls(row_to_json(dropped)) FROM dropped), (SELECT row_to_json(given_up) FROM given_up)
  ) AS dropped,
  EXISTS (SELECT FROM ${schema}.workers WHERE run_id = $1 AND holder IS NOT NULL)
    OR EXISTS (SELECT FROM ${schema}.requests WHERE id = $1 AND ended_at IS NULL) AS known
`;

/**
 * $2: run. $3: token. The lock prevents any other grant until the caller's transaction ends; a weaker one would not, as a
 * claim changes no key.
 *
 * A caller that vanishes meanwhile (packets dropped, no RST) would block the worker on every replica until the server
 * notices it, which may take hours. So the transaction may be idle for ten seconds, unless the application has set a
 * limit.
 */
export const lockToken = (schema: string): string => `
SELECT CASE WHEN current_setting('idle_in_transaction_session_timeout') = '0'
  THEN set_config('idle_in_transaction_session_timeout', '10s', true) END
FROM ${schema}.workers WHERE name = $1 AND run_id = $2 AND fencing = $3 AND holder IS NOT NULL FOR SHARE
`;

/**
 * Shows whether any row has changed: each change gives a row an `xmin` above all earlier ones, so with the same number of
 * rows the sum differs. A counter would have to be updated by each statement that changes a row.
 */
export const sumWorkers = (schema: string): string => `
SELECT ${timeColumn}, count(*)::int AS count, coalesce(sum(xmin::text::bigint), 0)::text AS sum FROM ${schema}.workers
`;

/**
 * $1, $2: names and versions of the known rows. One row: the rows with another version, and the columns of `sumWorkers`.
 */
export const findWorkers = (schema: string): string => `
WITH known AS (
  SELECT * FROM unnest($1::text[], $2::text[]) AS k (name, version)
), changed AS (
  SELECT w.xmin::text AS version, ${schema}.record(w.*) AS record
  FROM ${schema}.workers AS w LEFT JOIN known AS k ON k.name = w.name
  WHERE k.version IS DISTINCT FROM w.xmin::text
)
SELECT of.*, (SELECT coalesce(json_agg(changed), '[]') FROM changed) AS records FROM (${sumWorkers(schema)}) AS of
`;
