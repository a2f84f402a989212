import { asMs } from './record.js';

/** A run as `fromRow` reads it: instants as numbers, as text they would come as the database's `DateStyle` says. */
export const runColumns = `
  id, worker, replica, trigger, attempt, outcome, error, progress, blocked_ms, actor, release, metrics, payload_omitted,
  ${['slot', 'scheduled_at', 'started_at', 'ended_at'].map((instant) => `${asMs(instant)} AS ${instant}`).join(', ')}
`;
