import { type Clock } from '../../../core/timing/clock.js';
import { type Certificate, certificatePurpose, type NewVersion } from '../../certificates/certificate.js';
import { type CertificateIssuer } from '../../certificates/issuers/certificate-issuer.js';
import { IssuerError, type IssuerFault } from '../../certificates/issuers/issuer.errors.js';
import { type KeyRing } from '../../certificates/keys/key-ring.js';
import { type IssuanceLimiter } from '../../certificates/limits/issuance-limiter.js';
import { bucketsOfFailure, bucketsOfOrder } from '../../certificates/limits/issuance-limits.js';
import { type ChainInfo } from '../../certificates/x509/chain.js';
import { checkIssued } from '../../certificates/x509/check-issued.js';
import { createKeyAndRequest } from '../../certificates/x509/key-pair.js';
import { storableText } from '../../database/text.js';

/** What an attempt came to. */
export type Attempt =
  | { readonly outcome: 'issued'; readonly version: NewVersion }
  | {
      readonly outcome: 'failed';
      readonly fault: IssuerFault | 'unusable';
      /** In the CA's own words, fit to be stored. */
      readonly reason: string;
      readonly retryAt?: Date;
    };

export interface OrderDeskOptions {
  /** Milliseconds. */
  clockSkew: number;
  orderTimeout: number;
}

/** The CA did not finish in time. */
class OrderTimeoutError extends Error {
  constructor(timeout: number) {
    super(`the order took longer than ${timeout} ms`);
  }
}

/** Places one order for a certificate, and hands out only what may be served. */
export class OrderDesk {
  constructor(
    private readonly limiter: IssuanceLimiter,
    private readonly keyRing: KeyRing,
    private readonly options: OrderDeskOptions,
    private readonly clock: Clock,
  ) {}

  /** Whether the CA's limits leave room for the order, whose tokens are taken then; else in how many milliseconds. */
  async admit(certificate: Certificate, issuer: CertificateIssuer): Promise<number | undefined> {
    const { limits } = issuer;
    if (!limits) return undefined;
    const uses = bucketsOfOrder(issuer.name, certificate.names, limits);
    const exempt = this.isExempt(certificate, issuer);
    // An exempt renewal still does not ask for what keeps failing.
    const answer = await this.limiter.admit(exempt ? uses.filter(({ take }) => !take) : uses);
    return answer.admitted ? undefined : answer.availableIn;
  }

  /** @throws the signal's reason when that aborts */
  async order(
    certificate: Certificate,
    issuer: CertificateIssuer,
    now: Date,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const began = this.clock.monotonic();
    const { names, keyType } = certificate;
    const { privateKey, csr } = await createKeyAndRequest(names, keyType);
    const replaces = this.replacedBy(certificate, issuer);
    const timeout = new AbortController();
    const timer = this.clock.setTimer(
      () => timeout.abort(new OrderTimeoutError(this.options.orderTimeout)),
      this.options.orderTimeout,
    );
    try {
      const timed = AbortSignal.any([signal, timeout.signal]);
      const { chain, replaced } = await issuer.issue({ names, csr, replaces, signal: timed });
      // What the CA did not take for a renewal it has counted. What is issued is not let go when that cannot be noted.
      if (!replaced && issuer.limits && this.isExempt(certificate, issuer))
        await this.limiter.spend(bucketsOfOrder(issuer.name, names, issuer.limits)).catch(() => undefined);
      const info = checkIssued(chain, {
        names,
        privateKey,
        now: now.getTime() + (this.clock.monotonic() - began),
        clockSkew: this.options.clockSkew,
        roots: issuer.roots,
      });
      return { outcome: 'issued', version: this.sealed(certificate, issuer, chain, privateKey, info) };
    } catch (error) {
      signal.throwIfAborted();
      return this.failed(timeout.signal.aborted ? timeout.signal.reason : error, certificate, issuer);
    } finally {
      timer.cancel();
    }
  }

  private async failed(error: unknown, { names }: Certificate, issuer: CertificateIssuer): Promise<Attempt> {
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof IssuerError)) {
      const fault = error instanceof OrderTimeoutError ? 'unavailable' : 'unusable';
      return { outcome: 'failed', fault, reason: storableText(reason) };
    }
    const { fault, failedNames, retryAt } = error;
    if (fault === 'validation' && issuer.limits) {
      const failed = failedNames.length ? failedNames : names;
      await this.limiter.spend(bucketsOfFailure(issuer.name, failed, issuer.limits));
    }
    return { outcome: 'failed', fault, reason: storableText(reason), ...(retryAt && { retryAt }) };
  }

  private isExempt(certificate: Certificate, issuer: CertificateIssuer): boolean {
    return issuer.limits?.renewalsExempt === true && this.replacedBy(certificate, issuer) !== undefined;
  }

  /** ARI id of what the order replaces: only the CA that issued it knows it. */
  private replacedBy({ issued }: Certificate, issuer: CertificateIssuer): string | undefined {
    return issued?.issuer === issuer.name ? issued.ariId : undefined;
  }

  private sealed(
    { id }: Certificate,
    issuer: CertificateIssuer,
    chain: string,
    privateKey: string,
    { notBefore, notAfter, serialNumber, ariId }: ChainInfo,
  ): NewVersion {
    return {
      issuer: issuer.name,
      chain,
      sealedKey: this.keyRing.seal(privateKey, certificatePurpose(id)),
      notBefore,
      notAfter,
      serialNumber,
      ...(ariId !== undefined && { ariId }),
    };
  }
}
