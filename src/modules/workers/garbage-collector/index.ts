export { GarbageCollectorModule } from './garbage-collector.module.js';
export { type GarbageCollectorOptions } from './garbage-collector.options.js';
export { GarbageCollector } from './garbage-collector.worker.js';
export {
  type OrphanCandidate,
  type OrphanCause,
  OrphanRepository,
  type SweepLimits,
  type SweepPosition,
  type SweptPage,
} from './orphan.repository.js';
