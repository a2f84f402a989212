import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type RunInterceptor, RunInterceptors } from '../../core/execution/run-interceptor.js';
import { type RunContext } from '../../core/worker/run-context.js';
import { systemClaims, withClaims } from './claims.js';

/** Lets every run act as `system:worker`, over all tenants; a worker narrows it by `withSystemClaims`. */
@Injectable()
export class SystemClaimsInterceptor implements RunInterceptor, OnModuleInit {
  constructor(private readonly interceptors: RunInterceptors) {}

  onModuleInit(): void {
    this.interceptors.add(this);
  }

  intercept<T>(_context: RunContext, next: () => Promise<T>): Promise<T> {
    return withClaims(systemClaims('worker'), next);
  }
}
