/**
 * What is asked of the table of schedules. Each is a SELECT on the outside: then whatever library runs it in a transaction of the
 * caller's answers with its rows. Lists go in as one JSON text.
 */

/** An instant as milliseconds, which cost a tenth of what reading a timestamp's text does. */
export const ms = (instant: string): string => `round(date_part('epoch', ${instant}) * 1000)`;

export const instant = (value: string): string => `to_timestamp(${value} / 1000.0)`;

export const NOW = `SELECT ${ms('clock_timestamp()')} AS now`;

/**
 * $1: schedules. One that is the same is left alone; where only the payload differs, the turn stays. Of one that is claimed `due_at` is the
 * lease, which stays.
 */
export const UPSERT = `
WITH given AS (
  SELECT *, clock_timestamp()::timestamptz(3) AS now
  FROM json_to_recordset($1::json) AS g (
    handler text, key text, timing text, payload text, group_name text, slot float8, planned float8
  )
  ORDER BY handler COLLATE "C", key COLLATE "C"
), written AS (
  INSERT INTO schedules AS s (
    handler, key, timing, payload, group_name, created_at, changed_at, revision, slot_at, planned_at, due_at, ended_at
  )
  SELECT handler, key, timing, payload, group_name, now, now, nextval('schedule_tokens'),
    ${instant('slot')}, ${instant('planned')}, ${instant('planned')}, CASE WHEN slot IS NULL THEN now END
  FROM given
  ON CONFLICT (handler, key) DO UPDATE SET
    timing = excluded.timing,
    payload = excluded.payload,
    group_name = excluded.group_name,
    changed_at = excluded.changed_at,
    revision = CASE WHEN s.timing = excluded.timing THEN s.revision ELSE excluded.revision END,
    slot_at = CASE WHEN s.timing = excluded.timing THEN s.slot_at ELSE excluded.slot_at END,
    planned_at = CASE WHEN s.timing = excluded.timing THEN s.planned_at ELSE excluded.planned_at END,
    due_at = CASE
      WHEN s.timing = excluded.timing OR s.claimed_by IS NOT NULL OR s.triggered_at IS NOT NULL THEN s.due_at
      WHEN s.paused_at IS NULL THEN excluded.planned_at
    END,
    ended_at = CASE WHEN s.timing = excluded.timing THEN s.ended_at ELSE excluded.ended_at END,
    attempt = CASE WHEN s.timing = excluded.timing THEN s.attempt ELSE 1 END,
    claims = CASE WHEN s.timing = excluded.timing THEN s.claims ELSE 0 END,
    turns = CASE WHEN s.timing = excluded.timing THEN s.turns ELSE 0 END,
    consecutive_failures = CASE WHEN s.timing = excluded.timing THEN s.consecutive_failures ELSE 0 END
  WHERE (s.timing, s.payload, s.group_name) IS DISTINCT FROM (excluded.timing, excluded.payload, excluded.group_name)
  RETURNING (s.xmax = 0) AS created
)
SELECT (count(*) FILTER (WHERE created))::int AS created, (count(*) FILTER (WHERE NOT created))::int AS changed FROM written`;

const STATE = `
  CASE WHEN s.claimed_by IS NOT NULL AND s.due_at > clock_timestamp() THEN 'running'
    WHEN s.paused_at IS NOT NULL THEN 'paused' WHEN s.ended_at IS NOT NULL THEN 'ended' ELSE 'active' END`;

/** A row as it is read by people. */
const SHOWN = `
  s.handler, s.key, s.timing, s.payload, s.group_name AS "group", s.attempt, s.turns::float8, s.runs::float8, s.failures::float8,
  s.missed::float8, s.consecutive_failures AS "consecutiveFailures", s.last_outcome AS "lastOutcome", s.last_run AS "lastRun",
  s.last_error AS "lastError",
  ${STATE} AS state,
  ${ms('s.slot_at')} AS slot, ${ms('s.planned_at')} AS "nextRun", ${ms('s.created_at')} AS "createdAt",
  ${ms('s.changed_at')} AS "changedAt", ${ms('s.last_started_at')} AS "lastStartedAt", ${ms('s.last_ended_at')} AS "lastEndedAt"`;

/** $1: handler. $2: key. */
export const FIND = `SELECT ${SHOWN} FROM schedules s WHERE s.handler = $1 AND s.key = $2`;

/** $1: handler. $2: key. */
export const REMOVE = `
WITH removed AS (DELETE FROM schedules WHERE handler = $1 AND key = $2 RETURNING key)
SELECT key FROM removed`;

/** $1: handler. $2 and $3: the keys lie from the one up to the other. $4: state. $5, $6: behind these. $7: how many. Null: any. */
export const LIST = `
SELECT ${SHOWN} FROM schedules s
WHERE ($1::text IS NULL OR s.handler = $1) AND ($2::text IS NULL OR s.key >= $2) AND ($3::text IS NULL OR s.key <= $3)
  AND ($4::text IS NULL OR ${STATE} = $4) AND ($5::text IS NULL OR (s.handler, s.key) > ($5, $6))
ORDER BY s.handler, s.key LIMIT $7`;

export const HANDLERS = `
SELECT s.handler, count(*)::float8 AS schedules,
  coalesce(bool_or(k.seen_at > clock_timestamp() - interval '30 s'), false) AS known,
  (count(*) FILTER (WHERE s.claimed_by IS NOT NULL))::float8 AS running,
  (count(*) FILTER (WHERE s.paused_at IS NOT NULL))::float8 AS paused,
  (count(*) FILTER (WHERE s.ended_at IS NOT NULL))::float8 AS ended,
  (count(*) FILTER (WHERE s.consecutive_failures > 0))::float8 AS failing,
  (count(*) FILTER (WHERE s.claimed_by IS NULL AND s.due_at < clock_timestamp() - interval '1 minute'))::float8 AS overdue,
  sum(s.runs)::float8 AS runs, sum(s.failures)::float8 AS failures, sum(s.missed)::float8 AS missed,
  ${ms(`min(s.planned_at) FILTER (WHERE s.paused_at IS NULL AND s.ended_at IS NULL)`)} AS "nextRun"
FROM schedules s LEFT JOIN schedule_handlers k ON k.handler = s.handler
GROUP BY s.handler ORDER BY s.handler`;

/** $1: handler. $2: key. Of one that is claimed, or was asked for by hand, `due_at` stays. */
export const PAUSE = `
WITH paused AS (
  UPDATE schedules q SET paused_at = coalesce(q.paused_at, clock_timestamp()),
    changed_at = CASE WHEN q.paused_at IS NULL THEN clock_timestamp() ELSE q.changed_at END,
    due_at = CASE WHEN q.claimed_by IS NOT NULL OR q.triggered_at IS NOT NULL THEN q.due_at END
  WHERE q.handler = $1 AND q.key = $2 AND q.ended_at IS NULL
  RETURNING q.key
)
SELECT key FROM paused`;

/** $1: handler. $2: key. $3, $4: slot and plan of its turn. It has a revision of its own: a run that is active has the turn of before the pause. */
export const RESUME = `
WITH resumed AS (
  UPDATE schedules q SET paused_at = NULL, changed_at = clock_timestamp(), revision = nextval('schedule_tokens'),
    slot_at = CASE WHEN q.ended_at IS NULL THEN ${instant('$3::float8')} END,
    planned_at = CASE WHEN q.ended_at IS NULL THEN ${instant('$4::float8')} END, attempt = 1,
    claims = CASE WHEN q.claimed_by IS NULL THEN 0 ELSE q.claims END,
    due_at = CASE WHEN q.claimed_by IS NOT NULL OR q.triggered_at IS NOT NULL THEN q.due_at WHEN q.ended_at IS NULL THEN ${instant('$4::float8')} END,
    ended_at = CASE WHEN $3::float8 IS NULL THEN coalesce(q.ended_at, clock_timestamp()) ELSE q.ended_at END
  WHERE q.handler = $1 AND q.key = $2 AND q.paused_at IS NOT NULL
)
SELECT key FROM schedules WHERE handler = $1 AND key = $2`;

/** $1: handler. $2: key. $3: who. Two within a millisecond are told apart, as a result names the one that it answers. */
export const TRIGGER = `
WITH triggered AS (
  UPDATE schedules q SET
    triggered_at = greatest(clock_timestamp(), q.triggered_at + interval '1 ms'), triggered_by = $3,
    due_at = CASE WHEN q.claimed_by IS NOT NULL THEN q.due_at ELSE least(clock_timestamp(), q.due_at) END
  WHERE q.handler = $1 AND q.key = $2
  RETURNING q.key
)
SELECT key FROM triggered`;

/** $1: handler. $2: key. */
export const BRING_FORWARD = `
UPDATE schedules SET planned_at = clock_timestamp(), due_at = clock_timestamp()
WHERE handler = $1 AND key = $2 AND claimed_by IS NULL AND paused_at IS NULL AND ended_at IS NULL`;

/** $1: handlers. */
export const KNOW = `
INSERT INTO schedule_handlers (handler, seen_at)
SELECT handler, clock_timestamp() FROM unnest($1::text[]) AS handler ORDER BY handler
ON CONFLICT (handler) DO UPDATE SET seen_at = excluded.seen_at`;

/** Goes from each handler to the next along the index of what is due, however many schedules each has. */
export const UNKNOWN = `
WITH RECURSIVE found AS (
  (SELECT handler FROM schedules WHERE due_at IS NOT NULL ORDER BY handler LIMIT 1)
  UNION ALL
  SELECT (SELECT s.handler FROM schedules s WHERE s.due_at IS NOT NULL AND s.handler > f.handler ORDER BY s.handler LIMIT 1)
  FROM found f WHERE f.handler IS NOT NULL
)
SELECT f.handler FROM found f
WHERE f.handler IS NOT NULL AND NOT EXISTS (
  SELECT FROM schedule_handlers k WHERE k.handler = f.handler AND k.seen_at > clock_timestamp() - interval '30 s'
)`;

/** The same along the index of those that fail. */
export const FAILING = `
WITH RECURSIVE failing AS (
  (SELECT handler FROM schedules WHERE consecutive_failures > 0 ORDER BY handler LIMIT 1)
  UNION ALL
  SELECT (
    SELECT s.handler FROM schedules s WHERE s.consecutive_failures > 0 AND s.handler > f.handler ORDER BY s.handler LIMIT 1
  )
  FROM failing f WHERE f.handler IS NOT NULL
)
SELECT handler FROM failing WHERE handler IS NOT NULL`;

/**
 * $1: handlers of which some fail. $2: those that nobody has. Of each handler 10,000 schedules are looked at. The handlers are found beforehand: of a
 * recursive query the planner expects a hundred rows, and took this for a million rows' work.
 */
export const TROUBLES = `
SELECT 'failing' AS kind, f.handler, of.schedules, of.key, of.failures, of.error
FROM unnest($1::text[]) AS f (handler) CROSS JOIN LATERAL (
  SELECT count(*)::float8 AS schedules, (array_agg(s.key ORDER BY s.consecutive_failures DESC, s.key))[1] AS key,
    max(s.consecutive_failures) AS failures, (array_agg(s.last_error ORDER BY s.consecutive_failures DESC, s.key))[1] AS error
  FROM (
    SELECT * FROM schedules s
    WHERE s.handler = f.handler AND s.consecutive_failures > 0 AND s.paused_at IS NULL AND s.last_outcome <> 'unknown_handler'
      AND (s.ended_at IS NULL OR s.ended_at > clock_timestamp() - interval '1 hour')
    LIMIT 10000
  ) AS s
) AS of
WHERE of.schedules > 0
UNION ALL
SELECT 'unknown_handler', u.handler, of.schedules, of.key, 0, NULL
FROM unnest($2::text[]) AS u (handler) CROSS JOIN LATERAL (
  SELECT count(*)::float8 AS schedules, (array_agg(s.key ORDER BY s.due_at, s.key))[1] AS key
  FROM (SELECT * FROM schedules s WHERE s.handler = u.handler AND s.due_at IS NOT NULL ORDER BY s.due_at LIMIT 10000) AS s
) AS of
WHERE of.schedules > 0
ORDER BY 2, 1`;

/** $1: milliseconds. */
export const PRUNE = `
DELETE FROM schedules WHERE ended_at IS NOT NULL AND claimed_by IS NULL AND ctid IN (
  SELECT ctid FROM schedules WHERE ended_at < clock_timestamp() - $1 * interval '1 millisecond' AND claimed_by IS NULL
  LIMIT 1000 FOR UPDATE SKIP LOCKED
)`;
