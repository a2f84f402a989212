import { instant, isHeld, NOW, requestWaits } from './conditions.js';
import { asInterval, asMs, timeColumn } from './record.js';

/**
 * $1: id. $2: worker. $3: trigger. $4: event, or null. $5: payload. $6: most attempts. $7: overlap policy. $8: actor, or
 * null. Under a policy that queues one, waiting requests are dropped, except those that wait for the end of a backoff:
 * the end of the new request's run decides about these.
 */
export const requestRun = (schema: string): string => `
WITH ${instant}, target AS MATERIALIZED (
  SELECT w.*, ${schema}.record(w.*) AS record FROM ${schema}.workers AS w WHERE name = $2
), known AS MATERIALIZED (
  SELECT id FROM ${schema}.requests WHERE id = $1 OR (worker = $2 AND event_id = $4)
), dropped AS (
  UPDATE ${schema}.requests AS r SET ended_at = clock_timestamp(), outcome = '{"dropped": true}'
  FROM target AS w
  WHERE $7 IN ('queueOne', 'cancelRunning') AND NOT EXISTS (SELECT FROM known)
    AND r.worker = $2 AND r.not_before IS NULL AND ${requestWaits('r', 'w')}
), inserted AS (
  INSERT INTO ${schema}.requests (id, worker, trigger, event_id, payload, max_attempts, actor)
  SELECT $1::uuid, $2, $3, $4, $5::jsonb, $6::int, $8 FROM target AS w
  WHERE NOT EXISTS (SELECT FROM known) AND NOT ($7 = 'skip' AND ${isHeld('w')})
  ON CONFLICT DO NOTHING
  RETURNING id
)
SELECT
  ${timeColumn}, w.record,
  EXISTS (SELECT FROM inserted) OR EXISTS (SELECT FROM known WHERE id = $1) AS accepted,
  NOT EXISTS (SELECT FROM known) AND $7 = 'skip' AND ${isHeld('w')} AS busy
FROM target AS w
`;

/** $1: id of a request. Its trigger, payload and actor. */
export const findRequest = (schema: string): string => `
SELECT trigger, payload, payload IS NOT NULL AS given, actor FROM ${schema}.requests WHERE id = $1
`;

/** $1: age in ms; also of replicas and cancellations. An event whose id begins with $2 is kept for ever. */
export const pruneRequests = (schema: string): string => `
WITH gone AS (
  DELETE FROM ${schema}.members WHERE seen_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
), told AS (
  DELETE FROM ${schema}.cancellations WHERE requested_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
)
DELETE FROM ${schema}.requests
WHERE ended_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
  AND (event_id IS NULL OR NOT starts_with(event_id, $2))
`;

/**
 * $1, $2: names and revisions that a replica knows. $3: requests whose outcome it awaits. $4: requests that are active
 * there without a lease. $5: ms without such a report after which a request without a lease counts as dropped. $6: runs
 * that are active there. One row: changed records, waiting requests, outcomes, cancellations.
 */
export const pulse = (schema: string): string => `
WITH ${instant}, known AS (
  SELECT * FROM unnest($1::text[], $2::int[]) AS k (name, revision)
), heard AS (
  UPDATE ${schema}.requests SET heard_of = ${NOW} WHERE id = ANY ($4::uuid[]) AND heard_of IS NOT NULL RETURNING id
), waiting AS MATERIALIZED (
  SELECT r.id, r.worker, r.trigger, r.payload, r.payload IS NOT NULL AS given, r.attempts, r.actor, ${asMs('r.requested_at')} AS requested_at,
    ${asMs('r.not_before')} AS not_before
  FROM ${schema}.requests AS r
  JOIN known AS k ON k.name = r.worker
  JOIN ${schema}.workers AS w ON w.name = r.worker
  WHERE r.ended_at IS NULL AND ${requestWaits('r', 'w')}
)
SELECT
  ${timeColumn},
  (
    SELECT coalesce(json_agg(${schema}.record(w.*)), '[]')
    FROM ${schema}.workers AS w JOIN known AS k ON k.name = w.name
    WHERE w.revision <> k.revision OR w.lease_until <= ${NOW} OR w.name IN (SELECT worker FROM waiting)
  ) AS records,
  (SELECT coalesce(jsonb_agg(to_jsonb(waiting) ORDER BY requested_at, id), '[]') FROM waiting) AS requests,
  (
    SELECT coalesce(jsonb_object_agg(a.id, CASE
      WHEN r.id IS NULL THEN '{"dropped": true}'
      WHEN r.outcome IS NOT NULL THEN r.outcome
      WHEN r.heard_of IS NOT NULL THEN CASE
        WHEN r.heard_of < ${NOW} - ${asInterval('$5')} AND r.id NOT IN (SELECT id FROM heard)
          THEN '{"dropped": true}'::jsonb
      END
      WHEN r.attempts >= r.max_attempts
        AND NOT (w.request_id IS NOT DISTINCT FROM r.id AND ${isHeld('w')}) THEN '{"dropped": true}'
    END), '{}')
    FROM unnest($3::uuid[]) AS a (id)
    LEFT JOIN ${schema}.requests AS r ON r.id = a.id
    LEFT JOIN ${schema}.workers AS w ON w.name = r.worker
  ) AS outcomes,
  (
    SELECT coalesce(json_object_agg(run_id, json_strip_nulls(json_build_object('actor', actor, 'reason', reason))), '{}')
    FROM ${schema}.cancellations WHERE run_id = ANY ($6::uuid[])
  ) AS cancellations
`;
