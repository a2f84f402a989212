import { ConfigurableModuleBuilder } from '@nestjs/common';
import { z } from 'zod';
import { type Clock } from '../../../core/timing/clock.js';
import { type Duration } from '../../../core/timing/duration.js';
import { type HttpChallengeStore } from '../../certificates/challenges/http-challenge.store.js';
import { type CertificateIssuer } from '../../certificates/issuers/certificate-issuer.js';
import { AcmeIssuer } from '../../certificates/issuers/acme/acme.issuer.js';
import { type AcmeIssuerOptions } from '../../certificates/issuers/acme/acme.options.js';
import { type IssuerStateStore } from '../../certificates/issuers/issuer-state.store.js';
import { type LocalCaOptions, LocalCaIssuer } from '../../certificates/issuers/local-ca/local-ca.issuer.js';
import { type EncryptionKey, type KeyRing } from '../../certificates/keys/key-ring.js';
import { type DnsLookup } from '../../dns/dns-lookup.js';
import { count } from '../../input/count.js';
import { durationOption, TIMER } from '../../input/duration.js';
import { parseInput } from '../../input/input.js';
import { omit } from '../../input/omit.js';

/** What an issuer may be built of. */
export interface IssuerParts {
  states: IssuerStateStore;
  keyRing: KeyRing;
  http: HttpChallengeStore;
  dns: DnsLookup;
  clock: Clock;
}

export type IssuerFactory = (parts: IssuerParts) => CertificateIssuer;

/** A CA that speaks ACME, for `CertRenewerModule.forRoot({ issuers: [acme({ … })] })`. */
export function acme(options: AcmeIssuerOptions): IssuerFactory {
  return (parts) => new AcmeIssuer(options, parts);
}

/** A CA of one's own, for development and internal names. */
export function localCa(options: LocalCaOptions = {}): IssuerFactory {
  return ({ states, keyRing, clock }) => new LocalCaIssuer(states, keyRing, options, clock);
}

/** Options of `CertRenewerModule.forRoot`. */
export interface CertRenewerOptions {
  /** Time between two looks at what is due. Default 1 m: an hour could not retry after one minute and ten. */
  interval?: Duration | undefined;
  /**
   * What private keys are encrypted with before they are stored, the current one first: `id:key` pairs by commas, as an
   * environment variable holds them, or the pairs themselves. A key is 32 random bytes in base64. Secret.
   */
  encryptionKeys: string | readonly EncryptionKey[];
  /** CAs in the order of preference: the next is tried when one fails for long. Default `[localCa()]`. */
  issuers?: readonly (IssuerFactory | CertificateIssuer)[] | undefined;
  /** Failed attempts in a row after which the next issuer is tried, and then each in turn. Default 3, after about two hours. */
  failoverAfter?: number | undefined;
  /** Orders under way at each CA at a time. Default 10. */
  concurrency?: number | undefined;
  /** What an order may take. Default 5 m. */
  orderTimeout?: Duration | undefined;
  /** How long a domain that does not lead here is still watched and its certificate renewed once it does. Default 3 d. */
  lostAfter?: Duration | undefined;
  /** By how much the clocks of a CA and of the database may differ. Default 2 h. */
  clockSkew?: Duration | undefined;
  /** Writes every certificate as PEM files into this directory as well, for other servers. Absolute. Default none. */
  fileSink?: string | undefined;
}

/** Checked, with defaults; lengths of time in milliseconds. */
export interface CertRenewerSettings {
  readonly interval: number;
  readonly failoverAfter: number;
  readonly concurrency: number;
  readonly orderTimeout: number;
  readonly lostAfter: number;
  readonly clockSkew: number;
  readonly fileSink: string | undefined;
}

const schema = z.strictObject({
  interval: durationOption('1m'),
  failoverAfter: count(1, 1_000).default(3),
  concurrency: count(1, 1_000).default(10),
  orderTimeout: durationOption('5m', TIMER),
  lostAfter: durationOption('3d'),
  clockSkew: durationOption('2h'),
  fileSink: z.string().min(1).optional(),
});

/** @throws InvalidInputError that names every option that cannot be, and no secret */
export function certRenewerSettings(options: CertRenewerOptions): CertRenewerSettings {
  return {
    fileSink: undefined,
    ...parseInput('certificate renewer option', schema, omit(options, 'encryptionKeys', 'issuers')),
  };
}

/** Injects the `CertRenewerSettings`. */
export const CERT_RENEWER_SETTINGS = Symbol.for('ctrlplane-workers/cert-renewer-settings');

export const {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN: CERT_RENEWER_OPTIONS,
  OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<CertRenewerOptions>({
  optionsInjectionToken: Symbol.for('ctrlplane-workers/cert-renewer-options'),
})
  .setClassMethodName('forRoot')
  .build();
