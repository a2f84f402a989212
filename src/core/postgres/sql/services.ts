/** $1: a service. $2: whether it has the option `service`. Returns the others that were seen in the last two hours. */
export const seeService = (schema: string): string => `
WITH seen AS (
  INSERT INTO ${schema}.services (name, given, seen_at) VALUES ($1, $2, clock_timestamp())
  ON CONFLICT (name) DO UPDATE SET given = excluded.given, seen_at = excluded.seen_at
)
SELECT name, given FROM ${schema}.services
WHERE name <> $1 AND seen_at > clock_timestamp() - interval '2 hours'
ORDER BY name
`;
