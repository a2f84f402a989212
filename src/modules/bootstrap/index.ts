export { BootstrapHook } from './bootstrap-hook.decorator.js';
export { DuplicateBootstrapHookError } from './bootstrap-hooks.js';
export {
  BOOTSTRAP_LABELS,
  type BootstrapService,
  type BootstrapState,
  type Contribution,
} from './bootstrap-service.js';
export { type BootstrapProgram, type BootstrapServiceSpec } from './bootstrap-spec.js';
export { BootstrapModule } from './bootstrap.module.js';
export { type BootstrapChange, BootstrapRepository } from './bootstrap.repository.js';
export { BootstrapServices, type PlannedBootstrap } from './bootstrap.service.js';
