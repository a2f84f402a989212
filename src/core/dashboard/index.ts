export { WorkerDashboardModule } from './worker-dashboard.module.js';
export { type WorkerDashboardOptions } from './dashboard.options.js';
