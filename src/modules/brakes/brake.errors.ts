import { type TenantId } from '../ids/typed-id.js';

/** There is no brake to decide on: it was never engaged, or was released. */
export class NoBrakeError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'NoBrakeError';

  constructor(readonly tenantId: TenantId) {
    super(`The garbage collector holds nothing back in tenant ${tenantId}: there is nothing to decide`);
  }
}

/** The set of orphans has changed since it was shown. Nothing was decided. */
export class BrakeSetChangedError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'BrakeSetChangedError';

  constructor(
    readonly tenantId: TenantId,
    /** The set as it is now. */
    readonly set: string,
  ) {
    super(
      `What looks orphaned in tenant ${tenantId} has changed: look at the set ${set}, then decide on that`,
    );
  }
}

/** A pass holds nothing back there: its brake was never engaged, or was released. */
export class NoPassBrakeError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'NoPassBrakeError';

  constructor(readonly id: string) {
    super(`No pass of the garbage collector holds anything back as ${id}: there is nothing to decide`);
  }
}

/** What a pass holds back has changed since it was shown. Nothing was decided. */
export class PassBrakeSetChangedError extends Error {
  static readonly httpStatus = 409;
  override readonly name = 'PassBrakeSetChangedError';

  constructor(
    readonly pass: string,
    readonly id: string,
    /** The set as it is now. */
    readonly set: string,
  ) {
    super(
      `What the pass ${pass} holds back as ${id} has changed: look at the set ${set}, then decide on that`,
    );
  }
}
