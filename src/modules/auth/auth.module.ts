import { Module } from '@nestjs/common';
import { SystemClaimsInterceptor } from './system-claims.interceptor.js';

/** Puts the control plane's claims around every run. Needs the (global) `WorkerModule`. */
@Module({ providers: [SystemClaimsInterceptor] })
export class AuthModule {}
