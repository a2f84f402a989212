/** What the reader has put into a field cannot be sent; the message says why. */
export class InputError extends Error {
  override readonly name = 'InputError';
}
