import {
  acme,
  type CertRenewerOptions,
  localCa,
} from '../../modules/workers/cert-renewer/cert-renewer.options.js';
import { encryptionKeysOf } from './encryption-keys.js';
import { type HttpsConfig } from './https-config.js';

/** Options of the certificate renewer: ACME where a directory is named, else a local CA. */
export async function certificateOptions(
  { encryptionKeys, acmeDirectory, acmeEmail, certFiles }: HttpsConfig,
  dataDirectory: string,
): Promise<Pick<CertRenewerOptions, 'encryptionKeys' | 'issuers' | 'fileSink'>> {
  const keys = encryptionKeys ?? (await encryptionKeysOf(dataDirectory));
  const common = { encryptionKeys: keys, ...(certFiles !== undefined && { fileSink: certFiles }) };
  if (acmeDirectory === undefined) return { ...common, issuers: [localCa()] };
  const issuer = acme({
    directoryUrl: acmeDirectory,
    termsOfServiceAgreed: true,
    contactEmails: acmeEmail === undefined ? [] : [acmeEmail],
  });
  return { ...common, issuers: [issuer] };
}
