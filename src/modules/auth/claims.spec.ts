import { describe, expect, it } from '@jest/globals';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { ForbiddenError, UnauthorizedError } from './auth.errors.js';
import {
  type Claims,
  requireClaims,
  requireCrossTenant,
  requireTenantAccess,
  systemClaims,
  withClaims,
  withSystemClaims,
} from './claims.js';

const [ours, theirs] = [newId('tenant'), newId('tenant')];
const system = systemClaims('worker');
const ann: Claims = { subject: 'user:ann', tenantId: ours, roles: ['member'] };

describe('claims', () => {
  it('travel with the call and end with it', async () => {
    const seen = await withClaims(ann, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return requireClaims();
    });
    expect(seen).toBe(ann);
    expect(requireClaims).toThrow(UnauthorizedError);
  });

  it('are needed for everything', () => {
    expect(requireCrossTenant).toThrow(UnauthorizedError);
    expect(() => requireTenantAccess(ours)).toThrow(UnauthorizedError);
    expect(() => withSystemClaims(ours, () => undefined)).toThrow(UnauthorizedError);
  });

  it('of the system cover every tenant, and are named after the part that acts', () => {
    expect(system.subject).toBe('system:worker');
    withClaims(system, () => {
      expect(requireTenantAccess(ours)).toBe(system);
      expect(requireCrossTenant()).toBe(system);
    });
  });

  it('of a tenant cover that tenant alone', () => {
    withClaims(ann, () => {
      expect(requireTenantAccess(ours)).toBe(ann);
      expect(() => requireTenantAccess(theirs)).toThrow(
        new ForbiddenError('user:ann', `access to tenant ${theirs}`),
      );
      expect(requireCrossTenant).toThrow(ForbiddenError);
    });
  });

  it('of nobody in particular cover no tenant', () => {
    withClaims({ subject: 'user:bob', roles: [] }, () => {
      expect(() => requireTenantAccess(ours)).toThrow(ForbiddenError);
      expect(requireCrossTenant).toThrow(ForbiddenError);
    });
  });

  it('of the system can be narrowed to one tenant, and not widened again', () => {
    withClaims(system, () =>
      withSystemClaims(ours, () => {
        expect(requireTenantAccess(ours).subject).toBe('system:worker');
        expect(() => requireTenantAccess(theirs)).toThrow(ForbiddenError);
        expect(requireCrossTenant).toThrow(ForbiddenError);
        expect(() => withSystemClaims(theirs, () => undefined)).toThrow(ForbiddenError);
        expect(withSystemClaims(ours, () => 'same')).toBe('same');
      }),
    );
  });

  it("of a tenant cannot become the system's", () => {
    withClaims(ann, () => expect(() => withSystemClaims(ours, () => undefined)).toThrow(ForbiddenError));
  });

  it('are not compared with a malformed tenant id', () => {
    withClaims(system, () => expect(() => requireTenantAccess('x' as TenantId)).toThrow(InvalidIdError));
  });
});
