import { asInstant } from './record.js';

/**
 * $1: worker. $2: runs that ended before this instant (ms) are deleted. $3: number of newest runs to keep, or null for no
 * limit. $4: most to delete. Oldest first, along the index from its end: kept runs are not read, except the few that are
 * active, ended late, or have the latest slot (see last-slots.ts).
 *
 * `SKIP LOCKED`: a run that is being written is not old, and two replicas that prune do not wait for each other.
 */
export const pruneRuns = (schema: string): string => `
WITH oldest_kept AS (
  SELECT started_at, id FROM ${schema}.runs
  WHERE worker = $1 AND $3::bigint IS NOT NULL
  ORDER BY started_at DESC, id DESC
  OFFSET $3::bigint - 1 LIMIT 1
), surplus AS (
  SELECT id FROM ${schema}.runs AS run
  WHERE worker = $1
    AND started_at <= greatest(${asInstant('$2')}, (SELECT started_at FROM oldest_kept))
    AND (
      ended_at < ${asInstant('$2')}
      OR (started_at, id) < ((SELECT started_at FROM oldest_kept), (SELECT id FROM oldest_kept))
    )
    AND outcome <> 'running'
    AND (
      slot IS NULL
      OR outcome IN ('lost', 'aborted')
      OR EXISTS (
        SELECT FROM ${schema}.runs AS newer
        WHERE newer.worker = $1 AND newer.slot IS NOT NULL AND newer.outcome NOT IN ('lost', 'aborted')
          AND (newer.started_at, newer.id) > (run.started_at, run.id)
      )
    )
  ORDER BY started_at, id
  LIMIT $4
  FOR UPDATE SKIP LOCKED
)
DELETE FROM ${schema}.runs WHERE id IN (SELECT id FROM surplus)
RETURNING id
`;
