import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  InvalidEncryptionKeysError,
  SealedSecretError,
  UnknownEncryptionKeyError,
} from './key-ring.errors.js';

/** A key that secrets are encrypted with before they are stored. */
export interface EncryptionKey {
  /** Names it beside what it sealed: 1 to 32 of a-z, A-Z, 0-9, "_" and "-". */
  id: string;
  /** 32 bytes in base64 or base64url. A secret. */
  key: string;
}

/** A secret as it may be stored: `v1.<key id>.<nonce>.<tag>.<ciphertext>`, in base64url. */
export type Sealed = `v1.${string}`;

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const ID = /^[A-Za-z0-9_-]{1,32}$/;
const SEALED = /^v1\.([A-Za-z0-9_-]{1,32})\.([\w-]+)\.([\w-]+)\.([\w-]*)$/;

/**
 * Seals secrets for the database with AES-256-GCM, under the first key, and opens what any of its keys sealed. Each
 * secret is bound to a purpose, such as the id of the row that holds it: moved to another row it does not open.
 */
export class KeyRing {
  private readonly keys = new Map<string, Buffer>();
  /** Id of the key that new secrets are sealed with. */
  readonly current: string;

  /** @throws InvalidEncryptionKeysError */
  constructor(keys: readonly EncryptionKey[]) {
    if (keys.length === 0) throw new InvalidEncryptionKeysError('there is none');
    for (const [index, { id, key }] of keys.entries()) {
      if (!ID.test(id))
        throw new InvalidEncryptionKeysError(`key ${index + 1} has no id of a-z, A-Z, 0-9, "_" and "-"`);
      if (this.keys.has(id)) throw new InvalidEncryptionKeysError(`there are two with the id "${id}"`);
      const bytes = Buffer.from(key, 'base64');
      if (bytes.length !== 32)
        throw new InvalidEncryptionKeysError(`"${id}" has ${bytes.length} bytes instead of 32`);
      this.keys.set(id, bytes);
    }
    this.current = keys[0]!.id;
  }

  /**
   * Keys as an environment variable holds them: `id:base64` pairs, by commas, the current one first.
   * @throws InvalidEncryptionKeysError
   */
  static parse(text: string): KeyRing {
    const pairs = text
      .split(',')
      .map((pair) => pair.trim())
      .filter(Boolean);
    return new KeyRing(
      pairs.map((pair, index) => {
        const colon = pair.indexOf(':');
        if (colon < 1) throw new InvalidEncryptionKeysError(`key ${index + 1} is no "id:key"`);
        return { id: pair.slice(0, colon), key: pair.slice(colon + 1) };
      }),
    );
  }

  /** A new key in the form that `parse` reads. */
  static generate(id: string): string {
    return `${id}:${randomBytes(32).toString('base64')}`;
  }

  has(keyId: string): boolean {
    return this.keys.has(keyId);
  }

  /** @param purpose what the secret belongs to; `open` has to be told the same */
  seal(secret: string, purpose: string): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.keys.get(this.current)!, nonce);
    cipher.setAAD(aad(this.current, purpose));
    const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    const parts = [nonce, cipher.getAuthTag(), ciphertext].map((part) => part.toString('base64url'));
    return `v1.${this.current}.${parts.join('.')}`;
  }

  /** @throws UnknownEncryptionKeyError, SealedSecretError */
  open(sealed: string, purpose: string): string {
    const [, id, nonce, tag, ciphertext] = SEALED.exec(sealed) ?? [];
    if (id === undefined) throw new SealedSecretError('?');
    const key = this.keys.get(id);
    if (!key) throw new UnknownEncryptionKeyError(id);
    try {
      const decipher = createDecipheriv(ALGORITHM, key, Buffer.from(nonce!, 'base64url'), {
        authTagLength: 16,
      });
      decipher.setAAD(aad(id, purpose));
      decipher.setAuthTag(Buffer.from(tag!, 'base64url'));
      return Buffer.concat([
        decipher.update(Buffer.from(ciphertext!, 'base64url')),
        decipher.final(),
      ]).toString('utf8');
    } catch {
      // What OpenSSL says of it tells nothing more.
      throw new SealedSecretError(id);
    }
  }
}

/** Id of the key that sealed it. @throws SealedSecretError */
export function sealingKeyOf(sealed: string): string {
  const id = SEALED.exec(sealed)?.[1];
  if (id === undefined) throw new SealedSecretError('?');
  return id;
}

function aad(keyId: string, purpose: string): Buffer {
  return Buffer.from(`${keyId}\n${purpose}`, 'utf8');
}
