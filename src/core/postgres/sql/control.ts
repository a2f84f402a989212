import {
  asInstant,
  asInterval,
  instant,
  NOW,
  startAfter,
  timeColumn,
  workerColumns,
} from './worker-columns.js';

/** $1: worker. When there is nothing to change, the record is answered as it is. */
const control = (schema: string, sets: string, when: string): string => `
WITH ${instant}, changed AS (
  UPDATE ${schema}.workers AS w SET revision = w.revision + 1, ${sets}
  WHERE w.name = $1 AND ${when}
  RETURNING *
)
SELECT ${timeColumn}, ${workerColumns('w')} FROM changed AS w
UNION ALL
SELECT ${timeColumn}, ${workerColumns('w')} FROM ${schema}.workers AS w
WHERE w.name = $1 AND NOT EXISTS (SELECT FROM changed)
`;

export const pauseWorker = (schema: string): string =>
  control(schema, `paused = true, not_before = NULL,${startAfter('w', 'w.slot')}`, 'NOT w.paused');

/** $2: slots up to here count for nothing; ms since the epoch, null for none. */
export const resumeWorker = (schema: string): string =>
  control(schema, `paused = false,${startAfter('w', asInstant('$2'))}`, 'w.paused');

/** $2: as of resume. $3: the schedule. $4: the first run comes so many ms from now, or null. */
export const rescheduleWorker = (schema: string): string =>
  control(
    schema,
    `timing = $3, not_before = ${NOW} + ${asInterval('$4')},${startAfter('w', asInstant('$2'))}`,
    'true',
  );

/** Asks the run that has this token to end. $2: token. */
export const cancelRun = (schema: string): string => `
UPDATE ${schema}.workers SET cancel_requested = true
WHERE name = $1 AND fencing = $2 AND holder IS NOT NULL AND NOT cancel_requested
`;

/**
 * $2: run. $3: token. The lock keeps any other token from being granted until the caller's transaction ends; a weaker
 * one would not, as a claim changes no key.
 *
 * A caller that goes without a word in this moment (packets dropped, no RST) would keep the worker from everybody for as
 * long as the server believes in the connection: hours. So this transaction may stand idle for ten seconds, unless the
 * application has said for how long.
 */
export const lockToken = (schema: string): string => `
SELECT CASE WHEN current_setting('idle_in_transaction_session_timeout') = '0'
  THEN set_config('idle_in_transaction_session_timeout', '10s', true) END
FROM ${schema}.workers WHERE name = $1 AND run_id = $2 AND fencing = $3 AND holder IS NOT NULL FOR SHARE
`;

/** Every record. */
export const findWorkers = (schema: string): string => `
SELECT ${timeColumn}, ${workerColumns('w')} FROM ${schema}.workers AS w ORDER BY w.name
`;
