import { type Duration } from '../../core/timing/duration.js';

export interface EventBusOptions {
  /** Milliseconds after which an event of another replica is seen at the latest. Default 1000. */
  pollInterval?: number | undefined;
  /** How long events are kept, at least: they go week by week, when all of a week are older. Default 30 d. */
  keep?: Duration | undefined;
  /** Most bytes of events with their indexes; beyond, the oldest weeks go. Default: no limit. */
  maxBytes?: number | undefined;
}

export const EVENT_BUS_OPTIONS = Symbol.for('ctrlplane-workers/event-bus-options');
