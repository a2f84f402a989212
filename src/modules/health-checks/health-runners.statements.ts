/**
 * The replica $1 lives; those that have been silent for $2 milliseconds are dead. One that comes in the middle of another
 * one's statement is locked by it, and looked at again afterwards.
 *
 * What has a result is not run again: a check that comes once within the horizon has one at or after the instant that
 * was claimed, one that comes more often has one within its interval. Rows are locked in the order of their keys, as
 * everywhere.
 */
export const BEAT = `
WITH clock AS MATERIALIZED (
  SELECT clock_timestamp() AS now, clock_timestamp() - $2::float8 * interval '1 millisecond' AS silent
), before AS MATERIALIZED (
  SELECT beat_at FROM health_runners WHERE replica = $1
), beat AS (
  INSERT INTO health_runners (replica, beat_at) SELECT $1, now FROM clock
  ON CONFLICT (replica) DO UPDATE SET beat_at = excluded.beat_at
), dead AS MATERIALIZED (
  DELETE FROM health_runners r USING clock, before
  WHERE r.replica <> $1 AND r.beat_at < clock.silent AND before.beat_at >= clock.silent
  RETURNING r.replica, r.beat_at
), left_over AS MATERIALIZED (
  SELECT t.check_id FROM dead
  JOIN health_check_turns t ON t.claimed_by = dead.replica CROSS JOIN clock
  WHERE t.due_at > clock.now AND t.claimed_due > dead.beat_at - t.lease_ms * interval '1 millisecond'
    AND NOT EXISTS (
      SELECT FROM health_results r WHERE r.check_id = t.check_id
        AND r.due_at >= greatest(t.claimed_due, clock.now - t.interval_ms * interval '1 millisecond'))
  ORDER BY t.check_id FOR UPDATE OF t
), taken AS (
  UPDATE health_check_turns t
  SET claimed_by = NULL, due_at = CASE WHEN t.claimed_due > clock.now THEN t.claimed_due
    ELSE clock.now + random() * interval '500 milliseconds' END
  FROM left_over, clock WHERE t.check_id = left_over.check_id
  RETURNING 1
)
SELECT EXISTS (SELECT FROM before) AS known, (SELECT count(*)::int FROM taken) AS "takenOver"`;
