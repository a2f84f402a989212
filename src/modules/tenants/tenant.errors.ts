/** There is no such tenant. */
export class UnknownTenantError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownTenantError';

  constructor(
    /** Id or name that was asked for. */
    readonly tenant: string,
  ) {
    super(`There is no tenant ${tenant}`);
  }
}

/** Another tenant has that name. */
export class TenantNameTakenError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'TenantNameTakenError';

  constructor(readonly tenantName: string) {
    super(`There is a tenant "${tenantName}" already: names of tenants are unique`);
  }
}
