import { asInstant, asInterval, timeColumn, workerColumns } from './worker-columns.js';

// $1: worker. $2: run. $3: token. $4: whether replicas have to hear of it.
//
// The last token alone is given back, and once: when that is repeated nothing is written, and the same answered.

const release = (schema: string, sets: string, besides = ''): string => `
WITH released AS (
  UPDATE ${schema}.workers AS w SET
    holder = NULL, lease_until = NULL, cancel_requested = false, revision = w.revision + $4::boolean::int${sets}
  WHERE w.name = $1 AND w.run_id = $2 AND w.fencing = $3 AND w.holder IS NOT NULL
  RETURNING *
)${besides}
SELECT ${timeColumn}, true AS accepted, ${workerColumns('w')} FROM released AS w
UNION ALL
SELECT ${timeColumn}, w.run_id = $2 AND w.fencing = $3, ${workerColumns('w')}
FROM ${schema}.workers AS w WHERE w.name = $1 AND NOT EXISTS (SELECT FROM released)
`;

/** It was told to end: what it stood for is owed, as the claim has written. */
export const releaseUndone = (schema: string): string => release(schema, '');

/** It never began: the same attempt again. */
export const releaseUnrun = (schema: string): string =>
  release(schema, `, owed = CASE WHEN w.request_id IS NULL THEN w.attempt ELSE w.owed END`);

/**
 * What became of it. $5: whether it succeeded. $6: its error. $7: how long it took, ms. $8: no run for a slot for so
 * many ms; 0: no such wait; null: as it was. $9: its record, for who asked for it.
 */
const status = `
    last_end = clock_timestamp(),
    last_success = CASE WHEN $5::boolean THEN clock_timestamp() ELSE w.last_success END,
    last_error = $6::text,
    last_duration_ms = $7::float8,
    progress = NULL,
    run_count = w.run_count + 1,
    consecutive_failures = CASE WHEN $5::boolean THEN 0 ELSE w.consecutive_failures + 1 END,
    not_before = CASE
      WHEN $8::float8 IS NULL THEN w.not_before
      WHEN $8::float8 > 0 THEN clock_timestamp() + ${asInterval('$8')}
    END`;

/** Told to who asked for the run, if somebody did. */
const tell = (schema: string, request: string): string => `, told AS (
  UPDATE ${schema}.requests SET ended_at = clock_timestamp(), outcome = jsonb_build_object('run', $9::jsonb)
  WHERE id = ${request} AND ended_at IS NULL
  RETURNING id
)`;

/** What is owed after it: its own slot again, another one that a run on request has left alone, or nothing. */
const owed = `CASE
      WHEN w.request_id IS NULL THEN CASE WHEN $10::boolean THEN w.attempt + 1 END
      WHEN $5::boolean AND w.done THEN NULL
      ELSE w.owed
    END`;
const done = `(w.done OR w.request_id IS NULL)`;
const passed = `(${done} AND (${owed}) IS NULL AND coalesce(${asInstant('$11')} > w.slot, false))`;

/**
 * It came to its end by itself. $10: its slot is to run again. $11: slots up to this one have passed, ms since the
 * epoch, or null. $12: how many.
 */
export const releaseDone = (schema: string): string =>
  release(
    schema,
    `,${status},
    done = ${done},
    owed = ${owed},
    slot = CASE WHEN ${passed} THEN ${asInstant('$11')} ELSE w.slot END,
    skipped_count = w.skipped_count + CASE WHEN ${passed} THEN $12::int ELSE 0 END`,
    tell(schema, '(SELECT request_id FROM released)'),
  );

/** A run without a lease: nothing to give back. $2 and $3 are not looked at. $10: the request, or null. */
export const settleUnleased = (schema: string): string => `
WITH asked AS (
  SELECT FROM ${schema}.requests WHERE id = $10::uuid AND ended_at IS NOT NULL
), settled AS (
  UPDATE ${schema}.workers AS w SET revision = w.revision + $4::boolean::int,${status}
  WHERE w.name = $1 AND $2::uuid IS NOT NULL AND $3::bigint IS NOT NULL AND NOT EXISTS (SELECT FROM asked)
  RETURNING *
)${tell(schema, '$10::uuid')}
SELECT ${timeColumn}, true AS accepted, ${workerColumns('w')} FROM settled AS w
UNION ALL
SELECT ${timeColumn}, true, ${workerColumns('w')}
FROM ${schema}.workers AS w WHERE w.name = $1 AND NOT EXISTS (SELECT FROM settled)
`;
