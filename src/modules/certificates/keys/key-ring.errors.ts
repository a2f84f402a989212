/** The configured encryption keys cannot be used. Says which, and never what they are. */
export class InvalidEncryptionKeysError extends Error {
  override readonly name = 'InvalidEncryptionKeysError';

  constructor(fault: string) {
    super(
      `The encryption keys cannot be used: ${fault}. Give "id:key" pairs, the current one first, each key 32 random bytes in base64: openssl rand -base64 32`,
    );
  }
}

/** Something was sealed under a key that is not configured. */
export class UnknownEncryptionKeyError extends Error {
  override readonly name = 'UnknownEncryptionKeyError';

  constructor(readonly keyId: string) {
    super(
      `A stored secret is encrypted with the key "${keyId}", which is not configured: add it behind the current one, and run \`npm run keys:rotate\` before it is removed`,
    );
  }
}

/** A sealed secret was changed, belongs to something else, or its key id names another key than when it was sealed. */
export class SealedSecretError extends Error {
  override readonly name = 'SealedSecretError';

  constructor(readonly keyId: string) {
    super(
      `A stored secret cannot be opened with the key "${keyId}": it was changed, it belongs to another row, or that id names another key now`,
    );
  }
}

/** Certificates exist, and the key that their private keys are encrypted with does not. */
export class MissingEncryptionKeyError extends Error {
  override readonly name = 'MissingEncryptionKeyError';

  constructor(
    /** Ids of the keys that stored secrets need. */
    readonly keyIds: readonly string[],
  ) {
    super(
      `Stored private keys are encrypted with ${keyIds.map((id) => `"${id}"`).join(', ')}, which is not configured. Start with the encryption keys that were used before: without them the certificates cannot be served`,
    );
  }
}
