/**
 * One instant for a whole statement, so that what it refuses and the reason it gives agree. It is older than
 * `clock_timestamp()` after a wait for a lock: too old to be wrong about what is due or has run out, and never used for
 * how long a lease lasts.
 */
export const instant = `instant AS MATERIALIZED (SELECT clock_timestamp() AS now)`;
export const NOW = `(SELECT now FROM instant)`;

/** Whether a live lease stands. */
export const isHeld = (w: string, now = NOW): string => `coalesce(${w}.lease_until > ${now}, false)`;

/** Slots up to that one count for nothing, and nothing is owed; unless a run is active, which needs its slot. */
export const startAfter = (slot: string): string => `
    superseded_count = w.superseded_count + (NOT ${isHeld('w')} AND NOT w.done)::int,
    done = w.done OR NOT ${isHeld('w')},
    owed = CASE WHEN ${isHeld('w')} THEN w.owed END,
    slot = CASE WHEN ${isHeld('w')} THEN w.slot ELSE greatest(w.slot, ${slot}) END`;

/** Whether a request may be claimed: it has not ended, no run serves it, and it was not tried too often. */
export const requestWaits = (r: string, w: string, now = NOW): string => `(
  ${r}.ended_at IS NULL AND ${r}.heard_of IS NULL AND ${r}.attempts < ${r}.max_attempts
  AND NOT (${w}.request_id IS NOT DISTINCT FROM ${r}.id AND ${isHeld(w, now)})
)`;
