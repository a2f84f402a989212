export { BaseProvider } from './base.provider.js';
export { DockerProviderModule } from './docker/docker-provider.module.js';
export {
  type DockerProviderOptions,
  type PullProgress,
  type RegistryCredentials,
} from './docker/docker-provider.options.js';
export { DockerProvider } from './docker/docker.provider.js';
export { ProcessProviderModule } from './process/process-provider.module.js';
export { type ProcessProviderOptions } from './process/process-provider.options.js';
export { ProcessProvider } from './process/process.provider.js';
export { type Placement, ProviderStores } from './provider-stores.js';
export * from './provider.errors.js';
export * from './provider.js';
export { ProviderRegistry } from './provider.registry.js';
export { ProvidersModule } from './providers.module.js';
export {
  type Dependency,
  MAIN,
  type ServiceHealthCheck,
  type ServiceKind,
  type Until,
} from './services/service-spec.js';
export { hashOf, specHash } from './spec-hash.js';
