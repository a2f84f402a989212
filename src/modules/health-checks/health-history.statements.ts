import { bucketSql } from './latency-histogram.js';

/** A minute is rolled up when it is over for so long: the slowest check takes one, and results are written in batches. */
const SETTLED_AFTER = `interval '2 minutes'`;

/** Counts by outcome, in the order of `OUTCOMES`; of results in maintenance only that they were. */
const countsOf = (n: string): string => `
  coalesce(sum(${n}) FILTER (WHERE outcome = 0), 0)::int AS success,
  coalesce(sum(${n}) FILTER (WHERE outcome = 1), 0)::int AS degraded,
  coalesce(sum(${n}) FILTER (WHERE outcome = 2), 0)::int AS failure,
  coalesce(sum(${n}) FILTER (WHERE outcome = 3), 0)::int AS unknown,
  coalesce(sum(${n}) FILTER (WHERE outcome IS NULL), 0)::int AS maintenance`;

const RESULT = `check_id, due_at, CASE WHEN maintenance THEN NULL ELSE outcome END AS outcome,
  CASE WHEN NOT maintenance AND outcome < 3 THEN ${bucketSql('duration_ms')} END AS bucket`;

/**
 * Rolls up every minute that is settled and not rolled up yet, at most an hour of them, oldest first. Several replicas
 * may do it at the same time: a minute that is there stays.
 */
export const ROLL_UP_MINUTES = `
WITH span AS (
  SELECT coalesce(
      (SELECT max(start) + interval '1 minute' FROM health_minutes),
      (SELECT date_trunc('minute', min(due_at)) FROM health_results)) AS since,
    date_trunc('minute', clock_timestamp() - ${SETTLED_AFTER}) AS settled
), window_ AS (
  SELECT greatest(since, (SELECT date_trunc('minute', min(due_at)) FROM health_results WHERE due_at >= since)) AS since,
    settled FROM span
), result AS (
  SELECT ${RESULT} FROM health_results
  WHERE due_at >= (SELECT since FROM window_)
    AND due_at < (SELECT least(settled, since + interval '1 hour') FROM window_)
), bucketed AS (
  SELECT check_id, date_trunc('minute', due_at) AS start, outcome, bucket, count(*) AS n FROM result GROUP BY 1, 2, 3, 4
), histogram AS (
  SELECT check_id, start, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n::int ORDER BY bucket) AS counts
  FROM (SELECT check_id, start, bucket, sum(n) AS n FROM bucketed WHERE bucket IS NOT NULL GROUP BY 1, 2, 3) AS b
  GROUP BY 1, 2
)
INSERT INTO health_minutes (check_id, start, success, degraded, failure, unknown, maintenance, buckets, counts)
SELECT c.*, coalesce(h.buckets, '{}'), coalesce(h.counts, '{}')
FROM (SELECT check_id, start, ${countsOf('n')} FROM bucketed GROUP BY 1, 2) AS c
LEFT JOIN histogram h USING (check_id, start)
ON CONFLICT (check_id, start) DO NOTHING`;

/** The same with hours, from minutes: an hour is settled when its last minute is. */
export const ROLL_UP_HOURS = `
WITH span AS (
  SELECT coalesce(
      (SELECT max(start) + interval '1 hour' FROM health_hours),
      (SELECT date_trunc('hour', min(start)) FROM health_minutes)) AS since,
    date_trunc('hour', (SELECT max(start) FROM health_minutes)) AS settled
), minute AS (
  SELECT *, date_trunc('hour', start) AS hour FROM health_minutes
  WHERE start >= (SELECT since FROM span) AND start < (SELECT least(settled, since + interval '1 day') FROM span)
), histogram AS (
  SELECT check_id, hour, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
  FROM (SELECT check_id, hour, b.bucket, sum(b.n)::int AS n
        FROM minute CROSS JOIN LATERAL unnest(buckets, counts) AS b (bucket, n) GROUP BY 1, 2, 3) AS b
  GROUP BY 1, 2
)
INSERT INTO health_hours (check_id, start, success, degraded, failure, unknown, maintenance, buckets, counts)
SELECT m.*, coalesce(h.buckets, '{}'), coalesce(h.counts, '{}')
FROM (SELECT check_id, hour, sum(success)::int, sum(degraded)::int, sum(failure)::int, sum(unknown)::int,
        sum(maintenance)::int FROM minute GROUP BY 1, 2) AS m
LEFT JOIN histogram h USING (check_id, hour)
ON CONFLICT (check_id, start) DO NOTHING`;

/**
 * What there is of the check $1 within the last $2 milliseconds: hours as far as they are rolled up, then minutes, then
 * results. The first hour may begin before it, and then counts as a whole.
 */
export const COUNTS = `
WITH span AS (
  SELECT clock_timestamp() - $2::float8 * interval '1 millisecond' AS since
), rolled AS (
  SELECT
    CASE WHEN $2::float8 > 172800000 THEN (SELECT max(start) + interval '1 hour' FROM health_hours) END AS hours,
    (SELECT max(start) + interval '1 minute' FROM health_minutes) AS minutes
), result AS (
  SELECT ${RESULT} FROM health_results
  WHERE check_id = $1 AND due_at >= greatest((SELECT since FROM span), (SELECT minutes FROM rolled))
), histogram AS (
  SELECT array_agg(bucket) AS buckets, array_agg(n::int) AS counts
  FROM (SELECT bucket, count(*) AS n FROM result WHERE bucket IS NOT NULL GROUP BY 1) AS b
)
SELECT success, degraded, failure, unknown, maintenance, buckets, counts FROM health_hours
WHERE check_id = $1 AND start > (SELECT since - interval '1 hour' FROM span) AND start < (SELECT hours FROM rolled)
UNION ALL
SELECT success, degraded, failure, unknown, maintenance, buckets, counts FROM health_minutes
WHERE check_id = $1 AND start > (SELECT since - interval '1 minute' FROM span)
  AND start >= coalesce((SELECT hours FROM rolled), '-infinity')
UNION ALL
SELECT r.*, coalesce(h.buckets, '{}'), coalesce(h.counts, '{}')
FROM (SELECT ${countsOf('1')} FROM result) AS r CROSS JOIN histogram h`;
