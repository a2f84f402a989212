export { HealthRunnerModule, type HealthRunnerModuleAsyncOptions } from './health-runner.module.js';
export { type HealthRunnerOptions } from './health-runner.options.js';
export { HealthRunner, type RunnerCounts } from './health-runner.worker.js';
