/** How many things of a set are shown with it. */
const EXAMPLES = 5;

const BRAKE = `
  id, pass, store, tenant_id, state, cause, set_digest, cardinality(keys) AS items, keys[1:${EXAMPLES}] AS examples,
  engaged_at, seen_since, last_seen_at, decided_by`;

/** Of pass $1, store $2 and tenant $3; '' where it has none. */
const OWN = 'pass = $1 AND store = $2 AND tenant_id = $3';

const digestOf = (keys: string): string => `md5(array_to_string(${keys}, ','))`;

/** $4: keys. $5: cause. Gives nothing when there is one. */
export const INSERT_PASS_BRAKE = `
INSERT INTO gc_pass_brakes (pass, store, tenant_id, keys, cause, set_digest)
VALUES ($1, $2, $3, $4, $5, ${digestOf('$4::text[]')}) ON CONFLICT DO NOTHING RETURNING pass`;

/** $4: milliseconds for which the set must have been the same. */
export const LOCK_PASS_BRAKE = `
SELECT state, keys, seen_since <= clock_timestamp() - make_interval(secs => $4::float8 / 1000) AS ripe
FROM gc_pass_brakes WHERE ${OWN} FOR UPDATE`;

/** $4: keys. $5: cause. $6: state. The time begins anew with another set, or another state. */
export const STORE_PASS_BRAKE = `
UPDATE gc_pass_brakes SET keys = $4, cause = $5, state = $6, set_digest = ${digestOf('$4::text[]')},
  last_seen_at = clock_timestamp(),
  seen_since = CASE WHEN keys = $4 AND state = $6 THEN seen_since ELSE clock_timestamp() END
WHERE ${OWN}`;

export const DELETE_PASS_BRAKE = `DELETE FROM gc_pass_brakes WHERE ${OWN}`;

/** $1: pass. $2: store. $3: keys. */
export const HELD_KEYS = `
SELECT DISTINCT key FROM gc_pass_brakes b CROSS JOIN unnest(b.keys) AS held (key)
WHERE b.pass = $1 AND b.store = $2 AND b.state <> 'confirmed' AND key = ANY ($3::text[])`;

/** $1: pass. $2: store. $3: tenants whose brake stays. */
export const RELEASE_PASS_BRAKES = `
DELETE FROM gc_pass_brakes WHERE pass = $1 AND store = $2 AND tenant_id <> ALL ($3::text[]) RETURNING ${BRAKE}`;

/** $1: passes that run; what another one left is held back by nobody. A store that was not looked at for a day counts as gone. */
export const FORGET_PASS_BRAKES = `
DELETE FROM gc_pass_brakes
WHERE pass <> ALL ($1::text[]) OR store <> '' AND last_seen_at < clock_timestamp() - interval '1 day'
RETURNING ${BRAKE}`;

/** $1: the last id of the page before. $2: how many. */
export const LIST_PASS_BRAKES = `SELECT ${BRAKE} FROM gc_pass_brakes WHERE id > $1 ORDER BY id LIMIT $2`;

/** $1: id. */
export const FIND_PASS_BRAKE = `SELECT ${BRAKE} FROM gc_pass_brakes WHERE id = $1`;

/** $1: id. $2: the last key of the page before. $3: how many. */
export const LIST_HELD_KEYS = `
SELECT key FROM gc_pass_brakes b CROSS JOIN unnest(b.keys) AS held (key)
WHERE b.id = $1 AND key > $2 COLLATE "C" ORDER BY key COLLATE "C" LIMIT $3`;

/** $1: id. $2: the set that was shown. $3: state. $4: who. */
export const DECIDE_PASS_BRAKE = `
UPDATE gc_pass_brakes SET state = $3, decided_by = $4, seen_since = clock_timestamp()
WHERE id = $1 AND set_digest = $2
RETURNING ${BRAKE}`;
