import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { DOCUMENTED_QUERY } from './openapi.js';
import { refuseUnknown } from './query.pipe.js';

/** Refuses unknown query parameters of operations whose parameters are documented. */
@Injectable()
export class QueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const known = Reflect.getMetadata(DOCUMENTED_QUERY, context.getHandler()) as
      readonly string[] | undefined;
    const { query } = context.switchToHttp().getRequest<{ query?: Record<string, unknown> }>();
    if (known) refuseUnknown(Object.keys(query ?? {}), known);
    return true;
  }
}
