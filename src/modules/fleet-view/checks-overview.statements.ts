import { bucketSql } from '../health-checks/latency-histogram.js';

/** Of the last 24 hours; 16 minutes each. */
export const UPTIME_PARTS = 90;
const PART_SECONDS = 86_400 / UPTIME_PARTS;

/**
 * The checks $1, each with from when its minutes are not rolled up yet: a minute or two ago, or longer after an outage. By check, as
 * the key of the minutes begins with it.
 */
const ASKED = `
  SELECT id, (SELECT max(start) + interval '1 minute' FROM health_minutes WHERE check_id = id) AS unrolled
  FROM unnest($1::text[]) AS id`;

/** How each part of the last 24 hours went, of the checks $1. Parts begin at multiples of their length; the last is now's. */
export const UPTIME = `
WITH span AS (
  SELECT floor(extract(epoch FROM clock_timestamp()) / ${PART_SECONDS}) - ${UPTIME_PARTS - 1} AS first
), since AS (
  SELECT to_timestamp(first * ${PART_SECONDS}) AS at FROM span
), asked AS (${ASKED}
), counted AS (
  SELECT check_id, start AS at, success + degraded AS good, failure AS bad
  FROM health_minutes WHERE check_id = ANY ($1) AND start >= (SELECT at FROM since)
  UNION ALL
  SELECT r.check_id, r.due_at, (r.outcome IN (0, 1))::int, (r.outcome = 2)::int
  FROM asked CROSS JOIN LATERAL (
    SELECT check_id, due_at, outcome FROM health_results
    WHERE check_id = asked.id AND due_at >= greatest((SELECT at FROM since), asked.unrolled) AND NOT maintenance
  ) r
)
SELECT check_id, least(${UPTIME_PARTS - 1}, floor(extract(epoch FROM at) / ${PART_SECONDS}) - (SELECT first FROM span))::int AS part,
  sum(good)::int AS good, sum(bad)::int AS bad
FROM counted GROUP BY 1, 2 HAVING sum(good) + sum(bad) > 0`;

/** How long the results of the last hour took, of the checks $1: how many are in each bucket. */
export const LATENCIES = `
WITH asked AS (${ASKED}
), counted AS (
  SELECT m.check_id, b.bucket, b.n
  FROM health_minutes m CROSS JOIN LATERAL unnest(m.buckets, m.counts) AS b (bucket, n)
  WHERE m.check_id = ANY ($1) AND m.start >= clock_timestamp() - interval '1 hour'
  UNION ALL
  SELECT r.check_id, ${bucketSql('r.duration_ms')}, 1
  FROM asked CROSS JOIN LATERAL (
    SELECT check_id, duration_ms FROM health_results
    WHERE check_id = asked.id AND due_at >= greatest(clock_timestamp() - interval '1 hour', asked.unrolled)
      AND NOT maintenance AND outcome < 3
  ) r
)
SELECT check_id, bucket::int AS bucket, sum(n)::int AS count FROM counted GROUP BY 1, 2`;
