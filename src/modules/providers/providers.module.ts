import { Global, Module } from '@nestjs/common';
import { ProviderRegistry } from './provider.registry.js';

/** One `ProviderRegistry` for the application. Global: providers' modules and their users share it. */
@Global()
@Module({ providers: [ProviderRegistry], exports: [ProviderRegistry] })
export class ProvidersModule {}
