/**
 * A part of a transaction failed, and the failure was swallowed on the way to its end. Committing would keep
 * the rest of a change that failed, so everything was rolled back. The cause is the swallowed error.
 */
export class TransactionRolledBackError extends Error {
  override readonly name = 'TransactionRolledBackError';

  constructor(options: ErrorOptions) {
    super('The transaction was rolled back because a part of it failed. Let that error through.', options);
  }
}
