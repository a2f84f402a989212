/** `retention` says nothing that could be kept to. */
export class InvalidRetentionError extends Error {
  override readonly name = 'InvalidRetentionError';

  constructor(reason: string) {
    super(`retention${reason}`);
  }
}
