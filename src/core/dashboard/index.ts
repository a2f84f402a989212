export { WorkerDashboardModule } from './worker-dashboard.module.js';
export { type WorkerDashboardOptions } from './dashboard.options.js';
export { ReplicasController } from './replicas.controller.js';
export { RunsController } from './runs.controller.js';
export { WorkersController } from './workers.controller.js';
