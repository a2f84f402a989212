import { z } from 'zod';
import { count } from '../../../input/count.js';
import { durationOption, TIMER } from '../../../input/duration.js';
import { parseInput } from '../../../input/input.js';
import { type Duration } from '../../../../core/timing/duration.js';
import { type DnsProvider } from '../../challenges/dns-provider.js';
import { type IssuanceLimits, LETS_ENCRYPT_LIMITS } from '../../limits/issuance-limits.js';

/** How names are proven. `dns-persist-01` will become a third once CAs offer it. */
export type ChallengeType = 'http-01' | 'dns-01';

export interface AcmeIssuerOptions {
  /** Names the issuer in the database, in events and logs: keep it when the directory moves. Default `acme`. */
  name?: string | undefined;
  /** Such as `https://acme-v02.api.letsencrypt.org/directory`. */
  directoryUrl: string;
  /** That the terms of service of the CA are agreed to; no account is made without. */
  termsOfServiceAgreed: true;
  /** Where the CA may write to. */
  contactEmails?: readonly string[] | undefined;
  /** Credentials of an account that exists at the CA already. The HMAC key is a secret. */
  externalAccountBinding?: { keyId: string; hmacKey: string } | undefined;
  /** Kind of certificate, one of those in the directory, such as `tlsserver` or `shortlived`. Default the CA's. */
  profile?: string | undefined;
  /** Common name of an issuer that the chain should lead to, where the CA offers several chains. */
  preferredChain?: string | undefined;
  /** Which proofs may be used, the preferred first. Default HTTP-01, then DNS-01 if there is a `dns` provider. */
  challenges?: readonly ChallengeType[] | undefined;
  /** Writes records for DNS-01, which wildcards need. */
  dns?: DnsProvider | undefined;
  /** How long a record may take to reach the authoritative servers. Default 2 m. */
  propagationTimeout?: Duration | undefined;
  /** What the CA allows. Default `LETS_ENCRYPT_LIMITS`; `false` where there is no limit. */
  limits?: IssuanceLimits | false | undefined;
  /** PEM of the roots that its chains have to lead to. Default any complete chain. */
  roots?: readonly string[] | undefined;
  /** PEM of a CA that the server's own TLS certificate may come from, beside the public ones. */
  trust?: string | undefined;
  /** For one request to the CA. Default 30 s. */
  requestTimeout?: Duration | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export type AcmeIssuerSettings = Omit<
  AcmeIssuerOptions,
  'name' | 'challenges' | 'propagationTimeout' | 'limits' | 'requestTimeout'
> & {
  name: string;
  challenges: readonly ChallengeType[];
  propagationTimeout: number;
  limits: IssuanceLimits | undefined;
  requestTimeout: number;
};

const limit = z.strictObject({ count: count(1), per: count(1) }).optional();

const schema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'give 1 to 32 of a-z, 0-9, "_" and "-"')
    .default('acme'),
  directoryUrl: z.url({ protocol: /^https?$/, error: 'give the URL of the ACME directory' }),
  termsOfServiceAgreed: z.literal(true, 'read the terms of service of the CA, then give true'),
  contactEmails: z.array(z.email()).default([]),
  externalAccountBinding: z.strictObject({ keyId: z.string().min(1), hmacKey: z.string().min(1) }).optional(),
  profile: z.string().min(1).optional(),
  preferredChain: z.string().min(1).optional(),
  challenges: z
    .array(z.enum(['http-01', 'dns-01']))
    .min(1)
    .optional(),
  dns: z.custom<DnsProvider>((value) => typeof value === 'object').optional(),
  propagationTimeout: durationOption('2m', TIMER),
  limits: z
    .union([
      z.literal(false),
      z.strictObject({
        ordersPerAccount: limit,
        perRegisteredDomain: limit,
        perNameSet: limit,
        failuresPerName: limit,
        renewalsExempt: z.boolean(),
      }),
    ])
    .default(LETS_ENCRYPT_LIMITS),
  roots: z.array(z.string()).optional(),
  trust: z.string().optional(),
  requestTimeout: durationOption('30s', TIMER),
});

/** @throws InvalidInputError that names every option at fault, and no secret */
export function acmeIssuerSettings(options: AcmeIssuerOptions): AcmeIssuerSettings {
  const { limits, challenges, ...settings } = parseInput('ACME issuer', schema, options);
  const possible: ChallengeType[] = settings.dns ? ['http-01', 'dns-01'] : ['http-01'];
  return { ...settings, challenges: challenges ?? possible, limits: limits || undefined };
}
