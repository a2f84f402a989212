/** Milliseconds since the epoch, as the code reckons; -Infinity for the time before all slots. */
export const asMs = (instant: string): string => `(extract(epoch FROM ${instant}) * 1000)::float8`;

/** The instant of such a number. */
export const asInstant = (ms: string): string => `to_timestamp(${ms}::float8 / 1000)`;

/** This many milliseconds. */
export const asInterval = (ms: string): string => `(${ms}::float8 * interval '1 millisecond')`;

/** The database's time, as every answer carries it. */
export const timeColumn = `${asMs('clock_timestamp()')} AS time`;

const instants = 'slot lease_until not_before definition_at last_run last_end last_success'.split(' ');
const others = (
  'name done owed fencing run_id attempt request_id holder cancel_requested paused revision timing definition previous ' +
  'last_error last_duration_ms progress run_count consecutive_failures skipped_count missed_count superseded_count lost_count'
).split(' ');

/**
 * A worker's row as `toRecord` reads it. Every answer has it: as `json` it is written in 5 µs, where `jsonb`, which is put
 * together first and then written, took 26.
 *
 * @param later columns that a step of the schema has added since
 */
export const recordFunction = (schema: string, later: readonly string[] = []): string => `
CREATE OR REPLACE FUNCTION ${schema}.record(w ${schema}.workers) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT row_to_json(r) FROM (SELECT
    ${[...others.concat(later).map((column) => `w.${column}`), ...instants.map((column) => `${asMs(`w.${column}`)} AS ${column}`)].join(', ')}
  ) AS r
$$;
`;
