/** The call has no claims: who acts is not known. */
export class UnauthorizedError extends Error {
  static readonly httpStatus = 401;
  override readonly name = 'UnauthorizedError';

  constructor() {
    super('No claims: nothing is shown or changed without them. Call this below withClaims(…).');
  }
}

/** The claims of the call do not allow this. */
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
