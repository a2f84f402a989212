import { type CanActivate, type ExecutionContext, Injectable, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DOCUMENTED_QUERY } from './openapi.js';
import { refuseUnknown } from './query.pipe.js';

/** How the parameters of a handler begin that can read the query: of `@Req()`, of `@Query()`. Nest's `RouteParamtypes`. */
const READS_QUERY = /^[04]:/;

/** Refuses query parameters that an operation does not document, or that its handler does not read. */
@Injectable()
export class QueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query } = context.switchToHttp().getRequest<{ query?: Record<string, unknown> }>();
    const given = Object.keys(query ?? {});
    const known = given.length > 0 ? knownTo(context.getClass(), context.getHandler()) : undefined;
    if (known) refuseUnknown(given, known);
    return true;
  }
}

/** Undefined: the handler knows itself. */
function knownTo(controller: Type, handler: { readonly name: string }): readonly string[] | undefined {
  const documented = Reflect.getMetadata(DOCUMENTED_QUERY, handler) as readonly string[] | undefined;
  if (documented) return documented;
  const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler.name) ?? {}) as object;
  return Object.keys(parameters).some((key) => READS_QUERY.test(key)) ? undefined : [];
}
