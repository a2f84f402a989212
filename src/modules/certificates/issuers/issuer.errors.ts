/**
 * Why a CA did not issue:
 *
 *  - `unavailable`: it cannot be reached, or fails by itself. Says nothing of the order.
 *  - `rate_limited`: it has had enough for now; `retryAt` says until when, if the CA did.
 *  - `validation`: it could not see that the names are ours; `failedNames` says which.
 *  - `rejected`: it will not issue this, however often it is asked (names that it refuses, a bad request).
 *  - `account`: the account is unknown, deactivated or not allowed to order.
 */
export type IssuerFault = 'unavailable' | 'rate_limited' | 'validation' | 'rejected' | 'account';

export interface IssuerErrorDetails extends ErrorOptions {
  /** When the CA wants to be asked again. */
  retryAt?: Date;
  /** The names whose validation failed. */
  failedNames?: readonly string[];
}

/** A CA did not issue a certificate. The message is in the CA's own words, and holds no secret. */
export class IssuerError extends Error {
  override readonly name = 'IssuerError';
  readonly retryAt: Date | undefined;
  readonly failedNames: readonly string[];

  constructor(
    /** Name of the issuer. */
    readonly issuer: string,
    readonly fault: IssuerFault,
    message: string,
    { retryAt, failedNames = [], ...options }: IssuerErrorDetails = {},
  ) {
    super(message, options);
    this.retryAt = retryAt;
    this.failedNames = failedNames;
  }
}

/** The issuers of the configuration cannot be used together. */
export class InvalidIssuersError extends Error {
  override readonly name = 'InvalidIssuersError';

  constructor(fault: string) {
    super(`The certificate issuers cannot be used: ${fault}`);
  }
}
