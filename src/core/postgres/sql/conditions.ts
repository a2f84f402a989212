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

/** Whether a request waits: it has not ended, no run serves it, and it was not tried too often. */
export const requestWaits = (r: string, w: string, now = NOW): string => `(
  ${r}.ended_at IS NULL AND ${r}.heard_of IS NULL AND ${r}.attempts < ${r}.max_attempts
  AND NOT (${w}.request_id IS NOT DISTINCT FROM ${r}.id AND ${isHeld(w, now)})
)`;

/** Whether it may be claimed: it waits, and for no backoff. */
export const requestIsDue = (r: string, w: string, now = NOW): string =>
  `${requestWaits(r, w, now)} AND coalesce(${r}.not_before <= ${now}, true)`;

/** Ends what waits for a backoff of a worker, which has no reason any more. @param but id of a request, or null */
export const dropDeferred = (requests: string, worker: string, but = 'NULL'): string => `
UPDATE ${requests} AS d SET ended_at = clock_timestamp(), outcome = '{"dropped": true}'
WHERE d.worker = ${worker} AND d.ended_at IS NULL AND d.not_before IS NOT NULL AND d.heard_of IS NULL
  AND d.id IS DISTINCT FROM ${but}`;
