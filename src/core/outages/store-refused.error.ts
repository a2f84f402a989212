/**
 * A store or coordinator has answered and refused a call. Any other error of their calls means that they cannot be
 * reached.
 */
export class StoreRefusedError extends Error {
  override readonly name = 'StoreRefusedError';

  /**
   * @param because `values`: it will never accept these values, so repeating the call is in vain. `state`: something
   * is wrong with the store (a missing table or right, a full disk), and the call may succeed when that is repaired
   */
  constructor(
    message: string,
    readonly because: 'values' | 'state',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function isRefused(error: unknown): error is StoreRefusedError {
  return error instanceof StoreRefusedError;
}

/** Whether repeating the call with the same values is in vain. */
export function isRefusedForGood(error: unknown): error is StoreRefusedError {
  return isRefused(error) && error.because === 'values';
}

/**
 * For `catch`, where a refusal is acceptable.
 * @throws any other error
 */
export function unlessRefused(error: unknown): void {
  if (!isRefused(error)) throw error;
}
