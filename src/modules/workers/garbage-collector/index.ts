export { GarbageCollectorModule } from './garbage-collector.module.js';
export { type GarbageCollectorOptions } from './garbage-collector.options.js';
export { GarbageCollector } from './garbage-collector.worker.js';
export { type Counts, type HandedOut } from '../../concurrency/hand-out.js';
export {
  type BatchContext,
  type GarbagePass,
  type PassContext,
  type PassLimits,
  type PassReport,
  type PassScope,
} from './passes/garbage-pass.js';
export * from './passes/garbage-pass.errors.js';
export { GarbagePasses } from './passes/garbage-passes.js';
export { type Garbage, type GarbageCause, SweepPass } from './passes/sweep-pass.js';
export { StoreGarbageCollector } from './store-garbage.worker.js';
export {
  type DeletableOrphan,
  type OrphanCandidate,
  type OrphanCause,
  OrphanRepository,
  type SweepLimits,
  type SweepPosition,
  type SweptPage,
} from './orphan.repository.js';
