/** The option `retention` has an invalid value, or one that the store does not support. */
export class InvalidRetentionError extends Error {
  override readonly name = 'InvalidRetentionError';

  constructor(reason: string) {
    super(`retention${reason}`);
  }
}
