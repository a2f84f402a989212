export { FleetViewHttpModule } from './fleet-view-http.module.js';
export { type FleetInstance, type FleetQuery, FleetView } from './fleet-view.js';
