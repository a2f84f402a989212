import { applyDecorators, Controller, UseFilters, UseGuards } from '@nestjs/common';
import { AccessGuard } from './access.guard.js';
import { keepApart } from './global-interceptors.js';
import { securedApi } from './openapi.js';
import { ownPaths } from './own-paths.js';
import { QueryGuard } from './query.guard.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';

/**
 * Decorates a controller of a module for any host application: behind the `AccessGuard`, with errors as problem details,
 * and without the application's global caches and throttlers. The host's global prefix, other guards and interceptors
 * apply as to its own controllers.
 */
export function ApiController(path: string): ClassDecorator {
  return applyDecorators(
    Controller(path),
    UseGuards(AccessGuard, QueryGuard),
    UseFilters(ProblemDetailsFilter),
    keepApart,
    ownPaths,
    securedApi(path),
  );
}
