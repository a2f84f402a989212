export { IncidentWatchModule } from './incident-watch.module.js';
export { type IncidentWatchOptions } from './incident-watch.options.js';
export { IncidentWatch } from './incident-watch.worker.js';
