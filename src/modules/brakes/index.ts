export * from './brake.errors.js';
export {
  type Brake,
  type BrakeCause,
  type BrakedInstance,
  type BrakeState,
  type Observation,
  type OrphanShare,
} from './brake.js';
export { type BrakeOptions } from './brake.options.js';
export { type BrakeLimits, BrakeRepository, type RowlessInstance } from './brake.repository.js';
export { BrakesHttpModule } from './brakes-http.module.js';
export { BrakesModule } from './brakes.module.js';
export { type BrakesHealth, GarbageCollectorBrakes } from './brakes.service.js';
export { type PassBrake, type PassBrakeCause, type SuspectSet } from './pass-brake.js';
export { type PassBrakes, type PassPlace } from './pass-brakes.js';
export { GarbageCollectorPassBrakes } from './pass-brakes.service.js';
