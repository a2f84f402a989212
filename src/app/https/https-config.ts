import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { normalizeName } from '../../modules/certificates/names.js';
import { AppConfigError } from '../config/config.errors.js';

/** What the reference app takes from its environment for HTTPS. */
export interface HttpsConfig {
  /** `HTTPS_PORT`, 0 to 65535; default 443 above `PORT`, 0 where that is 0, which lets the system choose. */
  port: number;
  /** `HTTPS_DOMAINS`, by commas: the app's own names, each with a certificate. Default `app.localhost`. */
  domains: string[];
  /** `DNS_SERVERS`, by commas. Default those of the system. */
  dnsServers?: string[];
  /** `ENCRYPTION_KEYS`, `id:key` pairs by commas. Default a file in the data directory. A secret. */
  encryptionKeys?: string;
  /** `ACME_DIRECTORY`, whose terms of service are agreed to by naming it. Default the local CA. */
  acmeDirectory?: string;
  /** `ACME_EMAIL`. */
  acmeEmail?: string;
  /** `CERT_FILES`, a directory for PEM files of all certificates, with their keys in clear text. Default none. */
  certFiles?: string;
}

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

const schema = z.object({
  HTTPS_PORT: z
    .string()
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, {
      error: ({ input }) => `is ${JSON.stringify(input)}: give a whole number from 0 to 65535`,
    })
    .transform(Number)
    .optional(),
  HTTPS_DOMAINS: list
    .refine((names) => names.every((name) => normalizeName(name) !== undefined), {
      error: 'has what is no host name: give full names by commas, such as app.localhost',
    })
    .transform((names) => names.map((name) => normalizeName(name)!))
    .default(['app.localhost']),
  DNS_SERVERS: list.optional(),
  ENCRYPTION_KEYS: z.string().optional(),
  ACME_DIRECTORY: z.url({ error: 'is no URL of an ACME directory' }).optional(),
  ACME_EMAIL: z.email({ error: 'is no mail address' }).optional(),
  CERT_FILES: z
    .string()
    .refine(isAbsolute, {
      error: ({ input }) =>
        `is ${JSON.stringify(input)}: give an absolute path, such as /var/lib/certificates`,
    })
    .optional(),
});

/**
 * @param appPort the port of the app itself
 * @throws AppConfigError that lists every variable at fault
 */
export function loadHttpsConfig(appPort: number, env: NodeJS.ProcessEnv = process.env): HttpsConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const checked = schema.safeParse(given);
  if (!checked.success)
    throw new AppConfigError(
      checked.error.issues.map(({ path, message }) => ({ variable: String(path[0]), message })),
    );
  const { HTTPS_PORT, HTTPS_DOMAINS, DNS_SERVERS, ENCRYPTION_KEYS, ACME_DIRECTORY, ACME_EMAIL, CERT_FILES } =
    checked.data;
  const byDefault = appPort === 0 || appPort + 443 > 65_535 ? 0 : appPort + 443;
  return {
    port: HTTPS_PORT ?? byDefault,
    domains: HTTPS_DOMAINS,
    dnsServers: DNS_SERVERS,
    encryptionKeys: ENCRYPTION_KEYS,
    acmeDirectory: ACME_DIRECTORY,
    acmeEmail: ACME_EMAIL,
    certFiles: CERT_FILES,
  };
}
