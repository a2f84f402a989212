/** The tenant has no such domain. */
export class UnknownDomainError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownDomainError';

  constructor(
    readonly tenantId: string,
    /** Id or host name that was asked for. */
    readonly domain: string,
  ) {
    super(`Tenant ${tenantId} has no domain ${domain}`);
  }
}

/** The tenant has the domain already, or another tenant has proven that it is theirs. */
export class DomainTakenError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'DomainTakenError';

  constructor(readonly hostname: string) {
    super(`The domain ${hostname} is taken: remove it where it is, or prove that it is yours`);
  }
}

/** The DNS does not say that the domain is the tenant's. */
export class DomainNotVerifiedError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'DomainNotVerifiedError';

  constructor(
    readonly hostname: string,
    /** What to do, as a sentence. */
    readonly advice: string,
  ) {
    super(`${hostname} is not verified. ${advice}`);
  }
}

/** The tenant has no such route. */
export class UnknownRouteError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownRouteError';

  constructor(
    readonly tenantId: string,
    readonly route: string,
  ) {
    super(`Tenant ${tenantId} has no route ${route}`);
  }
}

/** The domain leads that path to that workload already. */
export class RouteTakenError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'RouteTakenError';

  constructor(
    readonly path: string,
    readonly workloadId: string,
  ) {
    super(`There is a route of ${path} to ${workloadId} already: update it instead`);
  }
}
