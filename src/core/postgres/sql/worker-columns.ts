/** Milliseconds since the epoch, as the code reckons; -Infinity for the time before all slots. */
export const asMs = (instant: string): string => `(extract(epoch FROM ${instant}) * 1000)::float8`;

/** The instant of such a number. */
export const asInstant = (ms: string): string => `to_timestamp(${ms}::float8 / 1000)`;

/** So many milliseconds. */
export const asInterval = (ms: string): string => `(${ms}::float8 * interval '1 millisecond')`;

/** Columns of a worker's record as `toRecord` reads them. */
export const workerColumns = (w: string): string => `
  ${w}.name, ${asMs(`${w}.slot`)} AS slot, ${w}.done, ${w}.owed, ${w}.fencing, ${w}.run_id, ${w}.attempt,
  ${w}.request_id, ${w}.holder, ${asMs(`${w}.lease_until`)} AS lease_until, ${w}.cancel_requested,
  ${asMs(`${w}.not_before`)} AS not_before, ${w}.paused, ${w}.revision, ${w}.timing, ${w}.definition,
  ${asMs(`${w}.definition_at`)} AS definition_at, ${asMs(`${w}.last_run`)} AS last_run,
  ${asMs(`${w}.last_end`)} AS last_end, ${asMs(`${w}.last_success`)} AS last_success, ${w}.last_error,
  ${w}.last_duration_ms, ${w}.progress, ${w}.run_count, ${w}.consecutive_failures, ${w}.skipped_count,
  ${w}.missed_count, ${w}.superseded_count, ${w}.lost_count`;

/** The database's time, as every answer carries it. */
export const timeColumn = `${asMs('clock_timestamp()')} AS time`;

/**
 * One instant for a whole statement, so that what it refuses and the reason it gives agree. It is older than
 * `clock_timestamp()` after a wait for a lock: too old to be wrong about what is due or has run out, and never used for
 * how long a lease lasts.
 */
export const instant = `instant AS MATERIALIZED (SELECT clock_timestamp() AS now)`;
export const NOW = `(SELECT now FROM instant)`;

/** Whether a live lease stands. */
export const isHeld = (w: string): string => `coalesce(${w}.lease_until > ${NOW}, false)`;

/**
 * Slots up to `slot` count for nothing, and nothing is owed; unless a run is on, which needs its slot.
 */
export const startAfter = (w: string, slot: string): string => `
    superseded_count = ${w}.superseded_count + (NOT ${isHeld(w)} AND NOT ${w}.done)::int,
    done = ${w}.done OR NOT ${isHeld(w)},
    owed = CASE WHEN ${isHeld(w)} THEN ${w}.owed END,
    slot = CASE WHEN ${isHeld(w)} THEN ${w}.slot ELSE greatest(${w}.slot, ${slot}) END`;

/** Whether a request may be claimed: nobody has ended it, nobody is at it, and it was not tried too often. */
export const requestWaits = (r: string, w: string): string => `(
  ${r}.ended_at IS NULL AND NOT ${r}.unleased AND ${r}.attempts < ${r}.max_attempts
  AND NOT (${w}.request_id IS NOT DISTINCT FROM ${r}.id AND ${isHeld(w)})
)`;
