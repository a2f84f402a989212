export { type Deployment, type DeploymentState } from './deployment.js';
export { DeploymentRepository } from './deployment.repository.js';
export { type RolloutPlan } from './rollout-plan.js';
export { type RolloutInput, type WorkloadRequest, type WorkloadUpdate } from './workload-input.js';
export * from './workload.errors.js';
export { type DriftPolicy, type Rollout, type Workload } from './workload.js';
export { WorkloadRepository } from './workload.repository.js';
export { WorkloadsModule } from './workloads.module.js';
export { WorkloadsService } from './workloads.service.js';
