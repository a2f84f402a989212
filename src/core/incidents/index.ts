export { IncidentsModule } from './incidents.module.js';
export { IncidentsHttpModule } from './http/incidents-http.module.js';
export { Incidents, type SilenceRequest } from './incidents.js';
export { type IncidentsOptions, type SlowOptions } from './incidents.options.js';
export { type WebhookOptions } from './webhooks/webhook.js';
export {
  InvalidIncidentError,
  InvalidIncidentsOptionsError,
  InvalidSilenceError,
  UnknownIncidentError,
} from './incidents.errors.js';
export {
  type Delivery,
  type DeliveryState,
  type Incident,
  type IncidentEventType,
  type IncidentKey,
  type IncidentReport,
  type Silence,
  type WorkerIncidentCondition,
} from '../history/incident.js';
export {
  type AttemptResult,
  type DeliveryQuery,
  type IncidentQuery,
  IncidentStore,
  type NewSilence,
} from '../history/incident.store.js';
