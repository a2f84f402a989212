import {
  acme,
  type CertRenewerOptions,
  localCa,
} from '../../modules/workers/cert-renewer/cert-renewer.options.js';
import { encryptionKeysOf } from './encryption-keys.js';
import { type HttpsConfig } from './https-config.js';

/** Options of the certificate renewer: ACME where a directory is named, else a local CA. */
export async function certificateOptions(
  { encryptionKeys, acmeDirectory, acmeEmail }: HttpsConfig,
  dataDirectory: string,
): Promise<Pick<CertRenewerOptions, 'encryptionKeys' | 'issuers'>> {
  const keys = encryptionKeys ?? (await encryptionKeysOf(dataDirectory));
  if (acmeDirectory === undefined) return { encryptionKeys: keys, issuers: [localCa()] };
  const issuer = acme({
    directoryUrl: acmeDirectory,
    termsOfServiceAgreed: true,
    contactEmails: acmeEmail === undefined ? [] : [acmeEmail],
  });
  return { encryptionKeys: keys, issuers: [issuer] };
}
