export { WorkerHealthIndicator } from './worker-health.indicator.js';
export { WorkerHealthModule } from './worker-health.module.js';
