import {
  asInstant,
  asInterval,
  asMs,
  instant,
  isHeld,
  NOW,
  requestWaits,
  timeColumn,
  workerColumns,
} from './worker-columns.js';

// $1: worker. $2: run. $3: replica. $4, $5: last token and slot, as the replica believes. $6: length of the lease in
// ms, null for none. Instants are ms since the epoch.
//
// The whole rule is the WHERE of one UPDATE. PostgreSQL evaluates it again, on the newest row, when the statement had to
// wait for another one: that one has moved the token, so at most one of them is granted.
//
// The row is locked before: an UPDATE that waits for somebody who only locks it (the guard of a write) keeps what it had
// computed before the wait, so that the wait would eat the lease.
//
// What comes after the UPDATE is for the refused: it reads the row as it was when the statement began. Who waited and
// lost finds no reason there: it is `lost_race`.

interface Target {
  /** Whether the row may be claimed for it. */
  admits: string;
  /** Why not, beyond what holds for every claim: SQL's WHEN … THEN. */
  reasons: string;
  /** For how long, likewise. */
  waits: string;
  /** What the grant sets. */
  sets: string;
  /** What else is written. */
  besides: string;
}

const claim = (schema: string, { admits, reasons, waits, sets, besides }: Target): string => `
WITH ${instant}, locked AS MATERIALIZED (
  SELECT FROM ${schema}.workers WHERE name = $1 FOR NO KEY UPDATE
), claimed AS (
  UPDATE ${schema}.workers AS w SET
    previous = CASE WHEN w.holder IS NOT NULL THEN jsonb_build_object(
      'runId', w.run_id, 'replica', w.holder, 'attempt', w.attempt,
      'slot', CASE WHEN w.request_id IS NULL THEN ${asMs('w.slot')} END, 'startedAt', ${asMs('w.last_run')}
    ) END,
    lost_count = w.lost_count + (w.holder IS NOT NULL)::int,
    ${sets},
    fencing = w.fencing + 1,
    run_id = $2,
    holder = CASE WHEN $6::float8 IS NOT NULL THEN $3::uuid END,
    lease_until = clock_timestamp() + ${asInterval('$6')},
    cancel_requested = false,
    last_run = clock_timestamp(),
    progress = NULL
  WHERE EXISTS (SELECT FROM locked) AND w.name = $1 AND w.fencing = $4 AND w.slot = ${asInstant('$5')} AND w.run_id IS DISTINCT FROM $2
    AND NOT ${isHeld('w')} AND ${admits}
  RETURNING *
)${besides}
SELECT 'granted' AS answer, 0::float8 AS wait, w.previous, ${timeColumn}, ${workerColumns('w')} FROM claimed AS w
UNION ALL
SELECT
  CASE
    WHEN w.run_id = $2 THEN
      CASE WHEN $6::float8 IS NULL OR (w.holder = $3 AND ${isHeld('w')}) THEN 'granted' ELSE 'over' END
    WHEN w.fencing <> $4 OR w.slot <> ${asInstant('$5')} THEN 'stale'
    WHEN ${isHeld('w')} THEN 'held'
    ${reasons}
    ELSE 'lost_race'
  END,
  coalesce(greatest(0, extract(epoch FROM CASE
    WHEN ${isHeld('w')} THEN w.lease_until - ${NOW}
    ${waits}
  END) * 1000), 0)::float8,
  w.previous, ${timeColumn}, ${workerColumns('w')}
FROM ${schema}.workers AS w
WHERE w.name = $1 AND NOT EXISTS (SELECT FROM claimed)
`;

/** $7: the slot. $8, $9: slots missed and skipped before it. $10: most attempts. $11: ms of a jump back, or null. */
export const claimSlot = (schema: string): string => {
  const slot = asInstant('$7');
  const jumpedBack = `w.slot > ${NOW} + ${asInterval('$11')}`;
  return claim(schema, {
    admits: `NOT w.paused AND ${slot} <= ${NOW} AND (w.not_before IS NULL OR w.not_before <= ${NOW}) AND CASE
      WHEN ${slot} > w.slot THEN true
      WHEN ${slot} = w.slot THEN w.owed IS NOT NULL AND (w.done OR w.owed <= $10)
      ELSE coalesce(${jumpedBack}, false)
    END`,
    reasons: `WHEN w.paused THEN 'paused'
    WHEN ${slot} > ${NOW} THEN 'too_early'
    WHEN w.not_before > ${NOW} THEN 'backing_off'
    WHEN ${slot} < w.slot AND NOT coalesce(${jumpedBack}, false) THEN 'over'
    WHEN ${slot} = w.slot AND w.owed IS NULL THEN 'over'
    WHEN ${slot} = w.slot AND NOT w.done AND w.owed > $10 THEN 'exhausted'`,
    waits: `WHEN ${slot} > ${NOW} THEN ${slot} - ${NOW}
    ELSE w.not_before - ${NOW}`,
    sets: `superseded_count = w.superseded_count + (${slot} <> w.slot AND NOT w.done)::int,
    missed_count = w.missed_count + $8::int,
    skipped_count = w.skipped_count + $9::int,
    attempt = CASE WHEN ${slot} = w.slot THEN w.owed ELSE 1 END,
    owed = CASE WHEN $6::float8 IS NULL THEN NULL WHEN ${slot} = w.slot THEN w.owed + 1 ELSE 2 END,
    done = $6::float8 IS NULL,
    slot = ${slot},
    request_id = NULL`,
    besides: '',
  });
};

/** $7: the request. */
export const claimRequest = (schema: string): string => {
  const open = `EXISTS (SELECT FROM ${schema}.requests AS r WHERE r.id = $7::uuid AND ${requestWaits('r', 'w')})`;
  return claim(schema, {
    admits: open,
    reasons: `WHEN NOT ${open} THEN 'over'`,
    waits: '',
    sets: `attempt = (SELECT r.attempts + 1 FROM ${schema}.requests AS r WHERE r.id = $7::uuid),
    request_id = $7::uuid`,
    besides: `, begun AS (
  UPDATE ${schema}.requests SET attempts = attempts + 1, unleased = ($6::float8 IS NULL)
  WHERE id = $7::uuid AND EXISTS (SELECT FROM claimed)
)`,
  });
};
