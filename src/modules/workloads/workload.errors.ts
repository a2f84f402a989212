/** The tenant has no such workload. */
export class UnknownWorkloadError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownWorkloadError';

  constructor(
    readonly tenantId: string,
    /** Id or name that was asked for. */
    readonly workload: string,
  ) {
    super(`Tenant ${tenantId} has no workload ${workload}`);
  }
}

/** The tenant has another workload of that name. */
export class WorkloadNameTakenError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'WorkloadNameTakenError';

  constructor(
    readonly tenantId: string,
    readonly workloadName: string,
  ) {
    super(`Tenant ${tenantId} has a workload "${workloadName}" already: names are unique within a tenant`);
  }
}
