/**
 * One instant for a whole statement, so that a refusal and its reason agree. After a wait for a lock it is older than
 * `clock_timestamp()`: then a slot counts as due and a lease as expired too late, never too early. It is not used for the
 * length of a lease.
 */
export const instant = `instant AS MATERIALIZED (SELECT clock_timestamp() AS now)`;
export const NOW = `(SELECT now FROM instant)`;

/** Whether a lease is live. */
export const isHeld = (w: string, now = NOW): string => `coalesce(${w}.lease_until > ${now}, false)`;

/** Slots up to `slot` are neither run nor counted, and nothing is owed; unless a run is active, which needs its slot. */
export const startAfter = (slot: string): string => `
    superseded_count = w.superseded_count + (NOT ${isHeld('w')} AND NOT w.done)::int,
    done = w.done OR NOT ${isHeld('w')},
    owed = CASE WHEN ${isHeld('w')} THEN w.owed END,
    slot = CASE WHEN ${isHeld('w')} THEN w.slot ELSE greatest(w.slot, ${slot}) END`;

/** Whether a request waits: it has not ended, no run serves it, and it has an attempt left. */
export const requestWaits = (r: string, w: string, now = NOW): string => `(
  ${r}.ended_at IS NULL AND ${r}.heard_of IS NULL AND ${r}.attempts < ${r}.max_attempts
  AND NOT (${w}.request_id IS NOT DISTINCT FROM ${r}.id AND ${isHeld(w, now)})
)`;

/** Whether a request may be claimed: it waits, and not for the end of a backoff. */
export const requestIsDue = (r: string, w: string, now = NOW): string =>
  `${requestWaits(r, w, now)} AND coalesce(${r}.not_before <= ${now}, true)`;

/**
 * Drops requests that wait for the end of a worker's backoff.
 * @param but id of a request that is kept, or null
 */
export const dropDeferred = (requests: string, worker: string, but = 'NULL'): string => `
UPDATE ${requests} AS d SET ended_at = clock_timestamp(), outcome = '{"dropped": true}'
WHERE d.worker = ${worker} AND d.ended_at IS NULL AND d.not_before IS NOT NULL AND d.heard_of IS NULL
  AND d.id IS DISTINCT FROM ${but}`;
