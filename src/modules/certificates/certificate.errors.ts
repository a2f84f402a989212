/** The tenant has no such certificate. */
export class UnknownCertificateError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownCertificateError';

  constructor(
    readonly tenantId: string,
    readonly certificate: string,
  ) {
    super(`Tenant ${tenantId} has no certificate ${certificate}`);
  }
}
