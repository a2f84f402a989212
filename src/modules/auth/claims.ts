import { AsyncLocalStorage } from 'node:async_hooks';
import { parseId, type TenantId } from '../ids/typed-id.js';
import { ForbiddenError, UnauthorizedError } from './auth.errors.js';

/** Who acts. Travels with the call; services require it, so every change has a subject. */
export interface Claims {
  /** Such as `user:ann` or `system:worker`. */
  readonly subject: string;
  /** The only tenant that may be touched. Absent: none, or all of them for the system. */
  readonly tenantId?: TenantId;
  readonly roles: readonly string[];
}

/** The role of the control plane itself: sees every tenant unless its claims are narrowed to one. */
export const SYSTEM_ROLE = 'system';

const storage = new AsyncLocalStorage<Claims>();

/** Runs `fn`, and all that it starts, under these claims. */
export function withClaims<T>(claims: Claims, fn: () => T): T {
  return storage.run(claims, fn);
}

/** Claims of a part of the control plane over all tenants: `systemClaims('worker')` acts as `system:worker`. */
export function systemClaims(part: string): Claims {
  return { subject: `system:${part}`, roles: [SYSTEM_ROLE] };
}

/**
 * Runs `fn` under the current system claims narrowed to one tenant, so that a mistake in handling one tenant
 * cannot reach another.
 * @throws UnauthorizedError, ForbiddenError when the claims are not the system's or are for another tenant.
 */
export function withSystemClaims<T>(tenantId: TenantId, fn: () => T): T {
  const claims = requireTenantAccess(tenantId);
  if (!isSystem(claims)) throw new ForbiddenError(claims.subject, 'system role');
  return withClaims({ ...claims, tenantId }, fn);
}

/** @throws UnauthorizedError when there are none. */
export function requireClaims(): Claims {
  const claims = storage.getStore();
  if (!claims) throw new UnauthorizedError();
  return claims;
}

/** @throws InvalidIdError, UnauthorizedError, ForbiddenError when the claims do not cover the tenant. */
export function requireTenantAccess(tenantId: TenantId): Claims {
  const claims = requireClaims();
  const wanted = parseId('tenant', tenantId);
  const covered = claims.tenantId === undefined ? isSystem(claims) : claims.tenantId === wanted;
  if (!covered) throw new ForbiddenError(claims.subject, `access to tenant ${wanted}`);
  return claims;
}

/** @throws UnauthorizedError, ForbiddenError unless the claims are the system's over all tenants. */
export function requireCrossTenant(): Claims {
  const claims = requireClaims();
  if (claims.tenantId !== undefined || !isSystem(claims)) {
    throw new ForbiddenError(claims.subject, 'access across tenants');
  }
  return claims;
}

function isSystem(claims: Claims): boolean {
  return claims.roles.includes(SYSTEM_ROLE);
}
