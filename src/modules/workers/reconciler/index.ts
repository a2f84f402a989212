export {
  DriftRepository,
  type DriftRow,
  type UnconvergedWorkload,
  type WaitingInstance,
} from './drift.repository.js';
export { InstanceDriftWorker } from './instance-drift.worker.js';
export { ReconcilerHttpModule } from './reconciler-http.module.js';
export { type ReconcilerPlan, ReconcilerPreview } from './reconciler-preview.js';
export { type ReconcileStatus, ReconcilerStatus } from './reconciler-status.js';
export { ReconcilerModule } from './reconciler.module.js';
export { type ReconcilerExtras, type ReconcilerOptions } from './reconciler.options.js';
export { Reconciler } from './reconciler.worker.js';
