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

/** `rollback` of a workload whose spec has never been changed. */
export class NoDeploymentError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'NoDeploymentError';

  constructor(
    readonly tenantId: string,
    readonly workload: string,
  ) {
    super(`Workload ${workload} of tenant ${tenantId} has no spec before its present one: deploy one first`);
  }
}
