import { certificatePurpose } from '../certificate.js';
import { type CertificateStore } from '../certificate.store.js';
import { issuerPurpose, type IssuerStateStore } from '../issuers/issuer-state.store.js';
import { MissingEncryptionKeyError } from './key-ring.errors.js';
import { type KeyRing, sealingKeyOf } from './key-ring.js';

const BATCH = 500;

/** What a rotation came to. */
export interface Rotation {
  /** Secrets that are sealed with the current key now, and were not before. */
  resealed: number;
  /** Those that were already. */
  kept: number;
}

/**
 * Seals every stored private key with the current encryption key, while the application runs. When it is done, keys
 * that are not the current one may be removed. It may be cut off and repeated at any time.
 * @throws UnknownEncryptionKeyError, SealedSecretError: what was sealed anew until then stays so
 */
export async function rotateKeys(
  keyRing: KeyRing,
  certificates: CertificateStore,
  issuers: IssuerStateStore,
): Promise<Rotation> {
  const rotation: Rotation = { resealed: 0, kept: 0 };
  let after: Awaited<ReturnType<CertificateStore['sealedVersions']>>[number] | undefined;
  for (;;) {
    const batch = await certificates.sealedVersions(after, BATCH);
    for (const version of batch) {
      if (sealingKeyOf(version.sealedKey) === keyRing.current) rotation.kept++;
      else {
        const purpose = certificatePurpose(version.id);
        const sealed = keyRing.seal(keyRing.open(version.sealedKey, purpose), purpose);
        // A version that is gone, or sealed anew by another rotation, needs nothing.
        if (await certificates.reseal(version, sealed)) rotation.resealed++;
      }
    }
    after = batch.at(-1);
    if (!after || batch.length < BATCH) break;
  }
  for (const { issuer, part, sealed, data } of await issuers.list()) {
    if (sealingKeyOf(sealed) === keyRing.current) rotation.kept++;
    else {
      const purpose = issuerPurpose(issuer, part);
      const anew = keyRing.seal(keyRing.open(sealed, purpose), purpose);
      if (await issuers.replace(issuer, part, sealed, { data, sealed: anew })) rotation.resealed++;
    }
  }
  return rotation;
}

/** @throws MissingEncryptionKeyError when something stored is sealed with a key that is not configured */
export async function requireKeys(
  keyRing: KeyRing,
  certificates: CertificateStore,
  issuers: IssuerStateStore,
): Promise<void> {
  const used = new Set(await certificates.encryptionKeyIds());
  for (const { sealed } of await issuers.list()) used.add(sealingKeyOf(sealed));
  const missing = [...used].filter((id) => !keyRing.has(id)).sort();
  if (missing.length) throw new MissingEncryptionKeyError(missing);
}
