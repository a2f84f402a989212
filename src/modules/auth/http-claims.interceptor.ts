import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { type Observable } from 'rxjs';
import { type Claims, systemClaims, withClaims } from './claims.js';

/**
 * Handles each request under the claims that a guard of the host application has left in `request.claims`; where it
 * has none, as `system:http` over all tenants, as a request that passed the `AccessGuard` may do everything.
 */
@Injectable()
export class HttpClaimsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { claims } = context.switchToHttp().getRequest<{ claims?: Claims }>();
    return withClaims(claims ?? systemClaims('http'), () => next.handle());
  }
}
