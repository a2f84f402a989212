/** Milliseconds since the epoch, as the code reckons; -Infinity for the time before all slots. */
export const asMs = (instant: string): string => `(extract(epoch FROM ${instant}) * 1000)::float8`;

/** The instant of such a number. */
export const asInstant = (ms: string): string => `to_timestamp(${ms}::float8 / 1000)`;

/** So many milliseconds. */
export const asInterval = (ms: string): string => `(${ms}::float8 * interval '1 millisecond')`;

/** The database's time, as every answer carries it. */
export const timeColumn = `${asMs('clock_timestamp()')} AS time`;

/** A worker's row as `toRecord` reads it. */
export const recordFunction = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.record(w ${schema}.workers) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT to_jsonb(w) || jsonb_build_object(
    'slot', ${asMs('w.slot')}, 'lease_until', ${asMs('w.lease_until')}, 'not_before', ${asMs('w.not_before')},
    'definition_at', ${asMs('w.definition_at')}, 'last_run', ${asMs('w.last_run')}, 'last_end', ${asMs('w.last_end')},
    'last_success', ${asMs('w.last_success')}
  )
$$;
`;
