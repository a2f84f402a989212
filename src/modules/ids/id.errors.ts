/** A value that should be an id is not one. Carries nothing but the kind and the value, cut at 64 characters. */
export class InvalidIdError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidIdError';

  constructor(
    readonly kind: string,
    prefix: string,
    readonly value: unknown,
  ) {
    const shown = typeof value === 'string' ? `"${value.slice(0, 64)}"` : String(value).slice(0, 64);
    super(
      `${shown} is not a ${kind} id: expected "${prefix}_" and 26 characters, such as ${prefix}_01h455vb4pex5vsknk084sn02q`,
    );
  }
}
