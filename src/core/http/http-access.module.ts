import { Global, Module } from '@nestjs/common';
import { ConfigurableAccessModule, HTTP_ACCESS } from './access.js';

/**
 * Says once, for all controllers with an `AccessGuard`, who may use them. A controller's own module can provide
 * `HTTP_ACCESS` instead.
 */
@Global()
@Module({ exports: [HTTP_ACCESS] })
export class HttpAccessModule extends ConfigurableAccessModule {}
