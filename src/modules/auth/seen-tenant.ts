import { requireClaims, requireCrossTenant, requireTenantAccess } from './claims.js';
import { parseId, type TenantId } from '../ids/typed-id.js';

/**
 * Whose rows a view shows: those of the tenant that the request names, else of the one that the claims are for; null stands for
 * all.
 * @throws InvalidIdError, UnauthorizedError, ForbiddenError
 */
export function seenTenant(tenantId: TenantId | undefined = requireClaims().tenantId): TenantId | null {
  if (tenantId === undefined) {
    requireCrossTenant();
    return null;
  }
  requireTenantAccess(tenantId);
  return parseId('tenant', tenantId);
}
