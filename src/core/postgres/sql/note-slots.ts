/** $1, $2: workers and their latest slots. An older one never replaces a newer one. */
export const noteSlots = (schema: string): string => `
INSERT INTO ${schema}.known_workers AS known (worker, since)
SELECT * FROM unnest($1::text[], $2::timestamptz[])
ON CONFLICT (worker) DO UPDATE SET since = greatest(known.since, excluded.since)
`;
