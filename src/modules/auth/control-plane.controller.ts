import { applyDecorators, UseInterceptors } from '@nestjs/common';
import { ApiController } from '../../core/http/api-controller.js';
import { HttpClaimsInterceptor } from './http-claims.interceptor.js';

/** An `ApiController` whose handlers run under claims, as the services of the control plane need them. */
export function ControlPlaneController(path: string): ClassDecorator {
  return applyDecorators(ApiController(path), UseInterceptors(HttpClaimsInterceptor));
}
