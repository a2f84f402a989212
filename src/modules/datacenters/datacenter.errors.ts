/** The tenant has no such datacenter. */
export class UnknownDatacenterError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownDatacenterError';

  constructor(
    readonly tenantId: string,
    /** Id or name that was asked for. */
    readonly datacenter: string,
  ) {
    super(`Tenant ${tenantId} has no datacenter ${datacenter}`);
  }
}

/** The tenant has another datacenter of that name. */
export class DatacenterNameTakenError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'DatacenterNameTakenError';

  constructor(
    readonly tenantId: string,
    readonly datacenterName: string,
  ) {
    super(
      `Tenant ${tenantId} has a datacenter "${datacenterName}" already: names are unique within a tenant`,
    );
  }
}
