/**
 * A store or coordinator has answered, and will not do what it was asked. Whatever else their calls reject with means
 * that they cannot be reached.
 */
export class StoreRefusedError extends Error {
  override readonly name = 'StoreRefusedError';

  /**
   * @param because `values`: it will never take what it was given, so repeating the call is in vain. `state`: something
   *   is wrong with the store (a table that is missing, a right, a full disk), and the call may succeed when that is mended
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

/** Repeating the call with the same values is in vain. */
export function isRefusedForGood(error: unknown): error is StoreRefusedError {
  return isRefused(error) && error.because === 'values';
}

/** For `catch`, where it is enough that the store answers. @throws any other error */
export function unlessRefused(error: unknown): void {
  if (!isRefused(error)) throw error;
}
