import { asMs } from './record.js';

/** Columns for `fromRow`: instants as numbers, as their text depends on the database's `DateStyle`. */
export const runColumns = `
  id, worker, replica, trigger, attempt, outcome, error, progress, blocked_ms, actor, release, metrics, payload_omitted,
  shards, key, fencing_token,
  ${['slot', 'scheduled_at', 'started_at', 'ended_at'].map((instant) => `${asMs(instant)} AS ${instant}`).join(', ')}
`;
