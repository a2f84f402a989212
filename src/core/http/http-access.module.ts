import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ConfigurableAccessModule, HTTP_ACCESS } from './access.js';
import { keepApartFromNamed } from './global-interceptors.js';

/**
 * Sets `HttpAccess` for all controllers with an `AccessGuard`. A controller's own module can provide `HTTP_ACCESS`
 * instead.
 */
@Global()
@Module({ exports: [HTTP_ACCESS] })
export class HttpAccessModule extends ConfigurableAccessModule implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {
    super();
  }

  onModuleInit(): void {
    keepApartFromNamed(this.modules);
  }
}
