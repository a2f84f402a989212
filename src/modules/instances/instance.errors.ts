import { type InstanceId } from '../ids/typed-id.js';

/** The tenant has no such instance. */
export class UnknownInstanceError extends Error {
  static readonly httpStatus = 404;
  override readonly name = 'UnknownInstanceError';

  constructor(
    readonly tenantId: string,
    readonly instanceId: string,
  ) {
    super(`Tenant ${tenantId} has no instance ${instanceId}`);
  }
}

/** A provider could not remove the instance. Its row is kept, so that nothing runs on unseen; repeat to go on. */
export class InstanceNotRemovedError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'InstanceNotRemovedError';

  constructor(
    readonly instanceId: InstanceId,
    readonly provider: string,
    /** What the provider said. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`Provider "${provider}" could not remove instance ${instanceId}: ${reason}`, options);
  }
}

/** Several instances were to be removed, and some are left. Repeat to go on. */
export class InstancesLeftError extends AggregateError {
  static readonly httpStatus = 503;
  override readonly name = 'InstancesLeftError';

  constructor(errors: readonly unknown[], attempted: number) {
    const [first] = errors;
    const example = first instanceof Error ? first.message : String(first);
    super(errors, `${errors.length} of ${attempted} instances could not be removed. The first: ${example}`);
  }
}

/**
 * Their removal is asked for, and is done by replicas that reach their stores. Nothing is wrong: repeat to see
 * whether they are gone.
 */
export class InstancesElsewhereError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'InstancesElsewhereError';

  constructor(readonly left: number) {
    super(
      `${left} instances are in stores that this replica does not reach: they are marked, and go when a replica that reaches them gets to it`,
    );
  }
}
