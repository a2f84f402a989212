export { type CheckOverview, ChecksOverview, type ChecksOverviewQuery } from './checks-overview.js';
export { FleetViewHttpModule } from './fleet-view-http.module.js';
export { type DriftQuery, type FleetInstance, type FleetQuery, FleetView } from './fleet-view.js';
export { type RolloutOverview, Rollouts, type RolloutsQuery } from './rollouts.js';
