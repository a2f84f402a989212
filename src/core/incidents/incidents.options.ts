import { type Incident, type IncidentEventType } from '../history/incident.js';
import { type Duration } from '../timing/duration.js';
import { type WebhookOptions } from './webhooks/webhook.js';

/** When a run counts as slow. */
export interface SlowOptions {
  /** Times the 95th percentile of the runs before. More than 1. Default 2. */
  factor?: number | undefined;
  /** No run that takes less is slow. Default 1 s. */
  floor?: Duration | undefined;
}

/** Options of `IncidentsModule.forRoot`. All may be left out. */
export interface IncidentsOptions {
  /** How late a run may begin before its slot counts as missed. Default 1 min. */
  missedAfter?: Duration | undefined;
  /** Runs in a row that did not succeed, after which a worker is failing. At least 1. Default 3. */
  failingAfter?: number | undefined;
  /** `false`: no run is slow. Default: twice the 95th percentile, and 1 s at least. */
  slow?: SlowOptions | false | undefined;
  /** Who is told over HTTP. Default: nobody. */
  webhooks?: readonly WebhookOptions[] | undefined;
  /** Called with each incident that is told, when it opens and when it closes, on the replica that found it. What it throws is logged. */
  onIncident?: ((incident: Incident, type: IncidentEventType) => unknown) | undefined;
  /** How long an incident is kept after it was closed, with its deliveries. Default 30 days. */
  keepFor?: Duration | undefined;
}
