import { type Incident, type IncidentEventType } from '../history/incident.js';
import { type Duration } from '../timing/duration.js';
import { type WebhookOptions } from './webhooks/webhook.js';

/** When a run counts as slow. */
export interface SlowOptions {
  /** Multiple of the 95th percentile of the runs before. More than 1. Default 2. */
  factor?: number | undefined;
  /** A run that takes less is not slow. Default 1 s. */
  floor?: Duration | undefined;
}

/** Options of `IncidentsModule.forRoot`. All are optional. */
export interface IncidentsOptions {
  /** How late a run may begin before its slot counts as missed. Default 1 min. */
  missedAfter?: Duration | undefined;
  /** Runs in a row that did not succeed, after which a worker is failing. At least 1. Default 3. */
  failingAfter?: number | undefined;
  /** `false`: no run counts as slow. Default: twice the 95th percentile, and at least 1 s. */
  slow?: SlowOptions | false | undefined;
  /** Webhooks that incidents are sent to. Default: none. */
  webhooks?: readonly WebhookOptions[] | undefined;
  /**
   * Called for each incident that is not silenced, when it opens and when it closes, on the replica that detected it. Its
   * errors are logged.
   */
  onIncident?: ((incident: Incident, type: IncidentEventType) => unknown) | undefined;
  /** How long a closed incident and its deliveries are kept. Default 30 days. */
  keepFor?: Duration | undefined;
}
