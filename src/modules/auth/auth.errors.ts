/** Nobody is known to be acting: there are no claims around the call. */
export class UnauthorizedError extends Error {
  static readonly httpStatus = 401;
  override readonly name = 'UnauthorizedError';

  constructor() {
    super('No claims: nothing is shown or changed without them. Call this below withClaims(…).');
  }
}

/** Someone is known to be acting, and may not do this. */
export class ForbiddenError extends Error {
  static readonly httpStatus = 403;
  override readonly name = 'ForbiddenError';

  constructor(
    /** Who tried. */
    readonly subject: string,
    /** What it takes, such as `access to tenant ten_…`. */
    readonly needed: string,
  ) {
    super(`${subject} has no ${needed}`);
  }
}
