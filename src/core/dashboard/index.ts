export { WorkerDashboardModule } from './worker-dashboard.module.js';
export { type WorkerDashboardOptions } from './dashboard.options.js';
export { LimitPipe } from './limit.pipe.js';
export { toWire, type Wire } from './wire.js';
