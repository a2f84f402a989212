import { Global, Module } from '@nestjs/common';
import { ProviderStores } from './provider-stores.js';
import { ProviderRegistry } from './provider.registry.js';

/** One `ProviderRegistry`, and the `ProviderStores` over it, for the application. Global: providers' modules and their users share it. */
@Global()
@Module({ providers: [ProviderRegistry, ProviderStores], exports: [ProviderRegistry, ProviderStores] })
export class ProvidersModule {}
