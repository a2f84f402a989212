import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import { ProviderRegistry } from '../provider.registry.js';
import { ProvidersModule } from '../providers.module.js';
import { type ProcessProviderOptions } from './process-provider.options.js';
import { ProcessProvider } from './process.provider.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<ProcessProviderOptions>({
    optionsInjectionToken: Symbol.for('ctrlplane-workers/process-provider-options'),
  })
    .setClassMethodName('forRoot')
    .build();

/**
 * Lets instances run as processes of this machine: `ProcessProviderModule.forRoot({ directory })`, or
 * `forRootAsync`. Registered while the application is put together, before any of its hooks runs.
 */
@Module({
  imports: [ProvidersModule],
  providers: [
    {
      provide: ProcessProvider,
      inject: [MODULE_OPTIONS_TOKEN, ProviderRegistry],
      useFactory: (options: ProcessProviderOptions, registry: ProviderRegistry) => {
        const provider = new ProcessProvider(options);
        registry.register(provider.info().name, provider);
        return provider;
      },
    },
  ],
  exports: [ProcessProvider],
})
export class ProcessProviderModule extends ConfigurableModuleClass {}
