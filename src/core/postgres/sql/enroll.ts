import { instant, NOW, startAfter } from './conditions.js';
import { asInstant, asInterval, timeColumn } from './record.js';

/**
 * $1: workers as a JSON array of name, timing, slot (ms since the epoch, null for -Infinity) and delay (ms or null). In
 * the order of names, so that replicas that start together wait for each other without a deadlock. A worker that another
 * replica enrols at the same time is not in the answer.
 */
export const enroll = (schema: string): string => `
WITH ${instant}, given AS MATERIALIZED (
  SELECT name, timing, coalesce(${asInstant('slot')}, '-infinity') AS slot, ${NOW} + ${asInterval('delay')} AS not_before
  FROM jsonb_to_recordset($1::jsonb) AS g (name text, timing text, slot float8, delay float8)
  ORDER BY name
), written AS (
  INSERT INTO ${schema}.workers AS w (name, slot, timing, definition, not_before)
  SELECT name, slot, timing, timing, not_before FROM given ORDER BY name
  ON CONFLICT (name) DO UPDATE SET
    timing = excluded.timing, definition = excluded.definition, definition_at = clock_timestamp(),
    revision = w.revision + 1, not_before = excluded.not_before,${startAfter('excluded.slot')}
  WHERE w.definition <> excluded.definition
  RETURNING name, ${schema}.record(w.*) AS record
)
SELECT ${timeColumn}, record FROM written
UNION ALL
SELECT ${timeColumn}, ${schema}.record(w.*) AS record FROM ${schema}.workers AS w
WHERE w.name IN (SELECT name FROM given) AND w.name NOT IN (SELECT name FROM written)
`;
