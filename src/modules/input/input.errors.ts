/** Input that cannot be used. Says where in the input, what was expected and, where it is no secret, what came. */
export class InvalidInputError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidInputError';

  constructor(
    /** What was to be made of it, such as `workload`. */
    readonly what: string,
    /** One sentence per fault, each beginning with the path of the value. */
    readonly faults: readonly string[],
  ) {
    super(`This ${what} cannot be used: ${faults.join('; ')}`);
  }
}
