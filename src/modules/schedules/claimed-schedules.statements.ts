import { instant, ms } from './schedules.statements.js';

/** Statements for claimed schedules: what a claim returns, how it is renewed, settled and cancelled. */

/**
 * Whether the slot of the row is that of the claim which was cancelled, and is what comes next: tokens and revisions come from one sequence, so that
 * a definition that is newer than that claim has a larger one.
 */
const CANCELLED_SLOT = `(
  q.cancellation IS NOT NULL AND q.triggered_at IS NULL AND (q.cancellation ->> 'token')::bigint > q.revision)`;

/** What a claim tells of each row, by `ScheduleClaim`; instants are milliseconds. */
export const CLAIMED: Readonly<Record<string, string>> = {
  handler: 'q.handler',
  token: 'q.token::float8',
  revision: 'q.revision::float8',
  timing: 'q.timing',
  payload: 'q.payload',
  group: 'q.group_name',
  slot: ms('q.slot_at'),
  plannedAt: ms('q.planned_at'),
  attempt: 'q.attempt',
  claims: 'q.claims',
  turns: 'q.turns::float8',
  consecutiveFailures: 'q.consecutive_failures',
  triggeredAt: ms('q.triggered_at'),
  triggeredBy: 'q.triggered_by',
  cancelledBy: `CASE WHEN ${CANCELLED_SLOT} THEN q.cancellation END`,
  paused: 'q.paused_at IS NOT NULL',
};

/** $1: handler. $2: key. $3: token. */
export const BEGIN = `
WITH begun AS (
  UPDATE schedules q SET attempt = q.attempt + 1
  WHERE q.handler = $1 AND q.key = $2 AND q.token = $3 AND q.claimed_by IS NOT NULL
  RETURNING q.attempt
)
SELECT attempt FROM begun`;

/**
 * How long a statement for many claims waits for a row that another transaction has locked, such as by `upsert` with `manager` or by
 * `assertCurrent`. Then it fails as a whole, and has changed nothing. The renewal of leases waits less, as these end.
 */
const waitsFor = (time: '1s' | '250ms'): string => `set_config('lock_timeout', '${time}', true) AS patience`;

/** PostgreSQL's code of that failure. */
export const LOCK_TIMEOUT = '55P03';

/** $1 to $3: handlers, keys and tokens. Which of these claims are held, and their rows locked by other transactions. */
export const LOCKED = `
WITH given AS MATERIALIZED (
  SELECT $1::text[] AS handlers, $2::text[] AS keys, $3::float8[] AS tokens
), named AS MATERIALIZED (
  SELECT h.* FROM given, unnest(given.handlers, given.keys, given.tokens) AS h (handler, key, token)
), free AS MATERIALIZED (
  SELECT q.token FROM named h JOIN schedules q ON q.handler = h.handler AND q.key = h.key
  WHERE q.token = h.token AND q.claimed_by IS NOT NULL FOR NO KEY UPDATE OF q SKIP LOCKED
)
SELECT q.token::float8 AS token FROM named h JOIN schedules q ON q.handler = h.handler AND q.key = h.key
WHERE q.token = h.token AND q.claimed_by IS NOT NULL AND NOT EXISTS (SELECT FROM free WHERE free.token = q.token)`;

/**
 * $1 to $3: handlers, keys and tokens, ordered by handler and key. $4: milliseconds. The arrays are unnested from a row, as in the due
 * queue: of a parameter the planner knows the length, and reads the whole table for a thousand of its rows.
 */
export const RENEW = `
WITH given AS MATERIALIZED (
  SELECT $1::text[] AS handlers, $2::text[] AS keys, $3::float8[] AS tokens, ${waitsFor('250ms')}
), renewed AS (
  UPDATE schedules q SET due_at = clock_timestamp() + $4 * interval '1 millisecond'
  FROM given, unnest(given.handlers, given.keys, given.tokens) AS h (handler, key, token)
  WHERE q.handler = h.handler AND q.key = h.key AND q.token = h.token AND q.claimed_by IS NOT NULL
  RETURNING q.token::float8 AS token
)
SELECT token FROM renewed`;

/** Whether a result leaves a slot to come once more that somebody has cancelled: it was cut off, given back or failed before its holder heard. */
const STILL_CANCELLED = `(
  ${CANCELLED_SLOT} AND q.revision = r.revision AND r.turns = 0
  AND (r.attempt > 1 OR r.slot IS NOT DISTINCT FROM ${ms('q.slot_at')}))`;

/**
 * $1 to $16: results by column, ordered by handler and key, so that two replicas never wait for each other in a circle. The row's
 * own turn stays where its revision is another one than that of the claim. A run by hand that was asked for since the claim is due
 * at once.
 */
export const SETTLE = `
WITH given AS MATERIALIZED (
  SELECT $1::text[] AS handlers, $2::text[] AS keys, $3::float8[] AS tokens, $4::float8[] AS revisions, $5::float8[] AS slots,
    $6::float8[] AS planned, $7::int[] AS attempts, $8::int[] AS claims, $9::float8[] AS triggered, $10::int[] AS turns,
    $11::float8[] AS missed, $12::text[] AS outcomes, $13::text[] AS runs, $14::float8[] AS started, $15::float8[] AS ended,
    $16::text[] AS errors, ${waitsFor('1s')}
), settled AS (
  UPDATE schedules q SET
    slot_at = CASE WHEN q.revision = r.revision THEN ${instant('r.slot')} ELSE q.slot_at END,
    planned_at = CASE WHEN q.revision = r.revision THEN ${instant('r.planned')} ELSE q.planned_at END,
    attempt = CASE WHEN q.revision = r.revision THEN r.attempt ELSE q.attempt END,
    claims = CASE WHEN q.revision = r.revision THEN r.claims ELSE 0 END,
    triggered_at = CASE WHEN ${ms('q.triggered_at')} = r.triggered THEN NULL ELSE q.triggered_at END,
    due_at = CASE
      WHEN q.triggered_at IS NOT NULL AND ${ms('q.triggered_at')} IS DISTINCT FROM r.triggered THEN q.triggered_at
      WHEN q.paused_at IS NOT NULL THEN NULL
      WHEN ${STILL_CANCELLED} THEN clock_timestamp()
      WHEN q.revision = r.revision THEN ${instant('r.planned')}
      ELSE q.planned_at
    END,
    ended_at = CASE
      WHEN q.revision <> r.revision OR (r.planned IS NULL) = (q.ended_at IS NOT NULL) THEN q.ended_at
      WHEN r.planned IS NULL THEN clock_timestamp()
    END,
    claimed_by = NULL,
    cancellation = CASE WHEN ${STILL_CANCELLED} THEN q.cancellation END,
    turns = q.turns + CASE WHEN q.revision = r.revision THEN r.turns ELSE 0 END,
    missed = q.missed + r.missed,
    runs = q.runs + CASE WHEN r.outcome IS NULL OR r.outcome = 'unknown_handler' THEN 0 ELSE 1 END,
    failures = q.failures + CASE WHEN r.outcome IN ('failed', 'timed_out', 'lost') THEN 1 ELSE 0 END,
    consecutive_failures = CASE
      WHEN q.revision <> r.revision OR r.outcome IS NULL OR r.outcome IN ('aborted', 'cancelled') THEN q.consecutive_failures
      WHEN r.outcome = 'succeeded' THEN 0
      ELSE q.consecutive_failures + 1
    END,
    last_outcome = coalesce(r.outcome, q.last_outcome),
    last_run = CASE WHEN r.outcome IS NULL THEN q.last_run ELSE r.run END,
    last_started_at = CASE WHEN r.outcome IS NULL THEN q.last_started_at ELSE ${instant('r.started')} END,
    last_ended_at = CASE WHEN r.outcome IS NULL THEN q.last_ended_at ELSE ${instant('r.ended')} END,
    last_error = CASE WHEN r.outcome IS NULL THEN q.last_error ELSE r.error END
  FROM given, unnest(
    given.handlers, given.keys, given.tokens, given.revisions, given.slots, given.planned, given.attempts, given.claims,
    given.triggered, given.turns, given.missed, given.outcomes, given.runs, given.started, given.ended, given.errors
  ) AS r (
    handler, key, token, revision, slot, planned, attempt, claims, triggered, turns, missed, outcome, run, started, ended, error
  )
  WHERE q.handler = r.handler AND q.key = r.key AND q.token = r.token AND q.claimed_by IS NOT NULL
  RETURNING q.token::float8 AS token
)
SELECT token FROM settled`;

/** $1: handler. $2: key. $3: token. Nobody claims it before the transaction ends. */
export const LOCK = `
SELECT q.key FROM schedules q
WHERE q.handler = $1 AND q.key = $2 AND q.token = $3 AND q.claimed_by IS NOT NULL FOR NO KEY UPDATE`;

/** $1: handler. $2: key. $3: JSON of who cancels it. $4: a token, or null. No row when it is not there. */
export const CANCEL = `
WITH cancelled AS (
  UPDATE schedules q SET cancellation = CASE
    WHEN (q.cancellation ->> 'token')::bigint = q.token THEN q.cancellation
    ELSE jsonb_build_object('token', q.token) || $3::jsonb
  END
  WHERE q.handler = $1 AND q.key = $2 AND q.claimed_by IS NOT NULL AND q.due_at > clock_timestamp()
    AND q.token = coalesce($4::float8, q.token)
  RETURNING q.key
)
SELECT EXISTS (SELECT FROM cancelled) AS cancelled FROM schedules WHERE handler = $1 AND key = $2`;

/**
 * $1: replica. Goes from each of those of all replicas to the next along their index. Asked for at once, without statistics, PostgreSQL expects that
 * nearly all rows are cancelled, and read the whole table: 0.1 s for 60,000 rows, twice a second.
 */
export const CANCELLATIONS = `
WITH RECURSIVE cancelled AS (
  (SELECT token, claimed_by, cancellation FROM schedules WHERE cancellation IS NOT NULL ORDER BY token LIMIT 1)
  UNION ALL
  SELECT next.* FROM cancelled c CROSS JOIN LATERAL (
    SELECT s.token, s.claimed_by, s.cancellation FROM schedules s
    WHERE s.cancellation IS NOT NULL AND s.token > c.token ORDER BY s.token LIMIT 1
  ) AS next
)
SELECT token::float8 AS token, cancellation FROM cancelled
WHERE claimed_by = $1 AND (cancellation ->> 'token')::bigint = token`;
