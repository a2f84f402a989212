export { ForbiddenError, UnauthorizedError } from './auth.errors.js';
export { AuthModule } from './auth.module.js';
export {
  type Claims,
  requireClaims,
  requireCrossTenant,
  requireTenantAccess,
  systemClaims,
  SYSTEM_ROLE,
  withClaims,
  withSystemClaims,
} from './claims.js';
export { ControlPlaneController } from './control-plane.controller.js';
