/** Most replicas that stay known: the oldest mostly have no stored runs any more. */
const MOST_KNOWN = 10_000;

/** $1: replica's id. */
export const forgetReplica = (schema: string): string => `
WITH too_many AS (
  DELETE FROM ${schema}.known_replicas AS k
  WHERE started_at < (
    SELECT started_at FROM ${schema}.known_replicas ORDER BY started_at DESC OFFSET ${MOST_KNOWN} LIMIT 1
  ) AND NOT EXISTS (SELECT FROM ${schema}.replicas AS r WHERE r.id = k.id)
)
DELETE FROM ${schema}.replicas WHERE id = $1
`;
