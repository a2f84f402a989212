import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { type Observable } from 'rxjs';
import { actorOf } from '../../core/http/actor.js';
import { type Claims, systemClaims, withClaims } from './claims.js';

/**
 * Handles each request under the claims that a guard of the host application has left in `request.claims`. Where it
 * has none they are the system's over all tenants, as a request that passed the `AccessGuard` may do everything; their subject
 * is `user:` and who asks, or `system:http` where nobody says who.
 */
@Injectable()
export class HttpClaimsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<{ claims?: Claims }>();
    return withClaims(request.claims ?? claimsOf(request), () => next.handle());
  }
}

function claimsOf(request: object): Claims {
  const { actor } = actorOf(request);
  return { ...systemClaims('http'), ...(actor !== undefined && { subject: `user:${actor}` }) };
}
