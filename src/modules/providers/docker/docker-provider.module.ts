import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { ProviderRegistry } from '../provider.registry.js';
import { ProvidersModule } from '../providers.module.js';
import { type DockerProviderOptions } from './docker-provider.options.js';
import { DockerProvider } from './docker.provider.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DockerProviderOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/docker-provider-options'),
  })
    .setClassMethodName('forRoot')
    .build();

/**
 * Lets instances run as containers of Docker or Podman: `DockerProviderModule.forRoot()`, or `forRootAsync`. Registered
 * while the application is put together, before any of its hooks runs.
 */
@Module({
  imports: [ProvidersModule],
  providers: [
    {
      provide: DockerProvider,
      inject: [MODULE_OPTIONS_TOKEN, ProviderRegistry],
      useFactory: (options: DockerProviderOptions, registry: ProviderRegistry) => {
        const provider = new DockerProvider(options);
        registry.register(provider.info().name, provider);
        return provider;
      },
    },
  ],
  exports: [DockerProvider],
})
export class DockerProviderModule extends ConfigurableModuleClass {
  static override forRoot(options: DockerProviderOptions = {}): DynamicModule {
    return super.forRoot(options);
  }
}
