import { type IssuanceLimits } from '../limits/issuance-limits.js';

/** What a certificate is wanted for. */
export interface IssuanceRequest {
  /** Normalized, each once, sorted: host names, wildcards, IP addresses. */
  readonly names: readonly string[];
  /** PKCS #10, DER, with exactly these names. */
  readonly csr: Uint8Array;
  /** ARI id of the certificate that this one replaces, if it came from the same issuer. */
  readonly replaces?: string;
  /** Aborts when the order takes too long, or the process shuts down. */
  readonly signal: AbortSignal;
}

export interface Issuance {
  /** PEM, the certificate first, then what leads to the root. */
  readonly chain: string;
  /** Whether the CA took note of `replaces`: such an order is free of limits at CAs that say so. */
  readonly replaced: boolean;
}

/** When a CA wants a certificate to be renewed (RFC 9773). */
export interface RenewalInfo {
  readonly start: Date;
  readonly end: Date;
  /** A page that says why. */
  readonly explanationUrl?: string;
  /** When to ask again. */
  readonly pollAt: Date;
}

/**
 * A certificate authority. It holds no state between calls but what it keeps in the database: any replica may ask it,
 * and each call may be the first.
 */
export abstract class CertificateIssuer {
  /** Names it in the database, in events and in the list of issuers. Lower case, for good. */
  abstract readonly name: string;
  /** What may be ordered from it, and how fast. Undefined: as much as one likes. */
  abstract readonly limits: IssuanceLimits | undefined;
  /** PEM of the roots that its chains have to lead to; undefined where any complete chain will do. */
  abstract readonly roots: readonly string[] | undefined;

  /** Whether it looks at the names from outside, so that they have to lead here before it is asked. Default true. */
  readonly validatesNames: boolean = true;

  /** What it is called in CAA records, such as `letsencrypt.org`. Empty where CAA does not concern it. */
  caaIdentities(_signal: AbortSignal): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  /** Makes what it needs (an account, a root), so that the first order does not wait for it. */
  prepare(_signal: AbortSignal): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Orders a certificate, proves that the names are ours, and gives what the CA delivers, unchecked.
   * @throws IssuerError; the signal's reason when that aborts
   */
  abstract issue(request: IssuanceRequest): Promise<Issuance>;

  /**
   * When the CA wants that certificate to be renewed; undefined where it does not say.
   * @param _ariId see `ChainInfo.ariId`
   * @throws IssuerError when it should be asked again later
   */
  renewalInfo(_ariId: string, _signal: AbortSignal): Promise<RenewalInfo | undefined> {
    return Promise.resolve(undefined);
  }
}
