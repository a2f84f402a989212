import { applyDecorators, Controller, UseFilters, UseGuards } from '@nestjs/common';
import { AccessGuard } from './access.guard.js';
import { keepApart } from './global-interceptors.js';
import { securedApi } from './openapi.js';
import { QueryGuard } from './query.guard.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';

/**
 * A controller that a module brings and any host application can mount: behind the `AccessGuard`, its errors as
 * problem details, its answers neither cached nor throttled by what the application has put before all controllers. The
 * host's global prefix, its other guards and interceptors apply as to its own controllers.
 */
export function ApiController(path: string): ClassDecorator {
  return applyDecorators(
    Controller(path),
    UseGuards(AccessGuard, QueryGuard),
    UseFilters(ProblemDetailsFilter),
    keepApart,
    securedApi(path),
  );
}
