import { asInstant } from './record.js';

/** $1, $2: workers and their latest slots, ms. An older slot never replaces a newer one. */
export const noteSlots = (schema: string): string => `
INSERT INTO ${schema}.known_workers AS known (worker, since)
SELECT worker, ${asInstant('slot')} FROM unnest($1::text[], $2::float8[]) AS noted (worker, slot)
ON CONFLICT (worker) DO UPDATE SET since = greatest(known.since, excluded.since)
`;
