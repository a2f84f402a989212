import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { type Clock, SystemClock } from '../../../../core/timing/clock.js';
import { type Duration, parseDuration } from '../../../../core/timing/duration.js';
import { type Admission, admission, refill } from '../../limits/issuance-limiter.js';
import {
  bucketsOfFailure,
  bucketsOfOrder,
  type BucketUse,
  type IssuanceLimits,
} from '../../limits/issuance-limits.js';
import { type Authority, createAuthority, signServerCertificate } from '../../x509/authority.js';
import { ariIdFrom } from '../../x509/chain.js';
import { generateKeyPair } from '../../x509/key-pair.js';
import {
  CertificateIssuer,
  type Issuance,
  type IssuanceRequest,
  type RenewalInfo,
} from '../certificate-issuer.js';
import { IssuerError } from '../issuer.errors.js';

/** What a simulated CA does wrong. */
export type SimulatedFault =
  /** It cannot be reached. */
  | 'outage'
  /** It answers 429, and says when to come again. */
  | 'rate_limited'
  /** It cannot see that the names are ours. */
  | 'validation'
  /** It will not issue for these names. */
  | 'rejected'
  /** It has deactivated the account. */
  | 'account_deactivated'
  /** Its directory is elsewhere. */
  | 'directory_moved'
  /** The order never comes to an end. */
  | 'stuck'
  /** It issues for other names. */
  | 'wrong_names'
  /** It issues for another key. */
  | 'wrong_key'
  /** It leaves the intermediate out. */
  | 'missing_chain'
  /** It issues what has expired already. */
  | 'expired';

export interface SimulatedCaOptions {
  /** Default `simulated`. */
  name?: string | undefined;
  /** Of its certificates. Default 90 d. */
  lifetime?: Duration | undefined;
  /** Where it reads time. Default the machine's. */
  clock?: Clock | undefined;
  /** Milliseconds by which its clock is ahead of that. Default 0. */
  clockOffset?: number | undefined;
  /** What it allows, by its own count. Default nothing is limited. */
  limits?: IssuanceLimits | undefined;
  /** What it does wrong with an order, if anything. Asked once for each. */
  fault?: ((names: readonly string[], now: number) => SimulatedFault | undefined) | undefined;
  /** When it wants a certificate to be renewed, if it says. */
  renewalWindow?:
    | ((
        certificate: { notBefore: Date; notAfter: Date },
        now: number,
      ) => { start: Date; end: Date } | undefined)
    | undefined;
  /** How long until it is asked for that again. Default 6 h. */
  pollAfter?: Duration | undefined;
}

/** An order as the CA has seen it. */
export interface SimulatedOrder {
  readonly names: readonly string[];
  /** Milliseconds since the epoch, by the CA's clock. */
  readonly at: number;
  readonly replaces: string | undefined;
  readonly outcome: 'issued' | SimulatedFault | 'limit';
}

/** Seconds after which a CA that has had enough wants to be asked again. */
const RETRY_AFTER = 3_600_000;
const YEAR = 365 * 86_400_000;

/**
 * A CA in this process, for tests and simulations: it issues real certificates on a clock of one's own, counts its own
 * limits as a CA does, and does wrong what it is told to. An order that meets a limit is refused, and noted as such.
 */
export class SimulatedCa extends CertificateIssuer {
  readonly name: string;
  readonly limits: IssuanceLimits | undefined;
  readonly roots = undefined;
  /** Every order that reached it, in order. */
  readonly orders: SimulatedOrder[] = [];
  private readonly lifetime: number;
  private readonly pollAfter: number;
  private readonly clock: Clock;
  private readonly fullAt = new Map<string, number>();
  private readonly issued = new Map<string, { notBefore: Date; notAfter: Date; replaced: boolean }>();
  private authority?: Promise<Authority & { chain: string; keyId: string }>;

  constructor(private readonly options: SimulatedCaOptions = {}) {
    super();
    this.name = options.name ?? 'simulated';
    this.limits = options.limits;
    this.lifetime = parseDuration(options.lifetime ?? '90d');
    this.pollAfter = parseDuration(options.pollAfter ?? '6h');
    this.clock = options.clock ?? new SystemClock();
  }

  async issue({ names, csr, replaces, signal }: IssuanceRequest): Promise<Issuance> {
    signal.throwIfAborted();
    const now = this.now();
    const fault = this.options.fault?.(names, now);
    if (fault === 'outage')
      throw this.refused(fault, 'unavailable', 'the CA cannot be reached', names, replaces);
    if (fault === 'directory_moved')
      throw this.refused(fault, 'unavailable', 'the CA answered with status 404', names, replaces);
    // A renewal counts as one if the CA knows what it replaces, and nothing has replaced that before.
    const replaced = replaces === undefined ? undefined : this.issued.get(replaces);
    const renewal = replaced !== undefined && !replaced.replaced;
    this.count(names, replaces, renewal);
    this.refuse(fault, names, replaces);
    if (fault === 'stuck') {
      this.note('stuck', names, replaces);
      await new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      );
    }
    const chain = await this.sign(names, csr, fault, now);
    if (renewal) replaced.replaced = true;
    this.note(fault ?? 'issued', names, replaces);
    return { chain, replaced: renewal };
  }

  override async renewalInfo(ariId: string): Promise<RenewalInfo | undefined> {
    const now = this.now();
    if (this.options.fault?.([], now) === 'outage')
      throw new IssuerError(this.name, 'unavailable', 'the CA cannot be reached');
    const certificate = this.issued.get(ariId);
    const window = certificate && this.options.renewalWindow?.(certificate, now);
    return window && { ...window, pollAt: new Date(now + this.pollAfter) };
  }

  private now(): number {
    return this.clock.now() + (this.options.clockOffset ?? 0);
  }

  /** As a CA counts: what is refused for a limit takes nothing. */
  private count(names: readonly string[], replaces: string | undefined, renewal: boolean): void {
    if (!this.limits) return;
    const uses = bucketsOfOrder(this.name, names, this.limits);
    const counted = renewal && this.limits.renewalsExempt ? uses.filter(({ take }) => !take) : uses;
    const answer = this.admit(counted);
    if (answer.admitted) return;
    const retryAt = new Date(this.now() + answer.availableIn);
    this.note('limit', names, replaces);
    throw new IssuerError(this.name, 'rate_limited', `rateLimited: too many for ${answer.bucket}`, {
      retryAt,
    });
  }

  private admit(uses: readonly BucketUse[]): Admission {
    const answer = admission(uses, this.fullAt, this.now());
    if (answer.admitted) this.take(uses);
    return answer;
  }

  private take(uses: readonly BucketUse[]): void {
    for (const use of uses) {
      const fullAt = Math.max(this.now(), this.fullAt.get(use.key) ?? 0);
      if (use.take) this.fullAt.set(use.key, fullAt + refill(use));
    }
  }

  private refuse(
    fault: SimulatedFault | undefined,
    names: readonly string[],
    replaces: string | undefined,
  ): void {
    if (fault === 'rate_limited') {
      const error = this.refused(fault, 'rate_limited', 'rateLimited: come again later', names, replaces);
      throw new IssuerError(this.name, 'rate_limited', error.message, {
        retryAt: new Date(this.now() + RETRY_AFTER),
      });
    }
    if (fault === 'validation') {
      if (this.limits) this.take(bucketsOfFailure(this.name, names, this.limits));
      const error = this.refused(fault, 'validation', `connection: ${names[0]}: refused`, names, replaces);
      throw new IssuerError(this.name, 'validation', error.message, { failedNames: names });
    }
    if (fault === 'rejected')
      throw this.refused(fault, 'rejected', 'rejectedIdentifier: not for these names', names, replaces);
    if (fault === 'account_deactivated')
      throw this.refused(fault, 'account', 'unauthorized: the account is deactivated', names, replaces);
  }

  private refused(
    outcome: SimulatedFault,
    fault: ConstructorParameters<typeof IssuerError>[1],
    message: string,
    names: readonly string[],
    replaces: string | undefined,
  ): IssuerError {
    this.note(outcome, names, replaces);
    return new IssuerError(this.name, fault, message);
  }

  private note(
    outcome: SimulatedOrder['outcome'],
    names: readonly string[],
    replaces: string | undefined,
  ): void {
    this.orders.push({ names, at: this.now(), replaces, outcome });
  }

  private async sign(
    names: readonly string[],
    csr: Uint8Array,
    fault: SimulatedFault | undefined,
    now: number,
  ): Promise<string> {
    const authority = await this.open();
    const requested = new x509.Pkcs10CertificateRequest(csr).publicKey;
    const publicKey = fault === 'wrong_key' ? (await generateKeyPair('ec-p256')).publicKey : requested;
    const shift = fault === 'expired' ? -2 * this.lifetime : 0;
    // Certificates have whole seconds.
    const begin = Math.floor((now + shift) / 1_000) * 1_000;
    const validity = { notBefore: new Date(begin), notAfter: new Date(begin + this.lifetime) };
    const certified = fault === 'wrong_names' ? ['other.example.test'] : names;
    const certificate = await signServerCertificate(authority, certified, publicKey, validity);
    this.issued.set(ariIdFrom(authority.keyId, certificate.serialNumber), { ...validity, replaced: false });
    const leaf = `${certificate.toString('pem')}\n`;
    return fault === 'missing_chain' ? leaf : leaf + authority.chain;
  }

  private open(): Promise<Authority & { chain: string; keyId: string }> {
    this.authority ??= this.create();
    return this.authority;
  }

  private async create(): Promise<Authority & { chain: string; keyId: string }> {
    const now = this.now();
    const validity = { notBefore: new Date(now - YEAR), notAfter: new Date(now + 20 * YEAR) };
    const keys = await generateKeyPair('ec-p256');
    const root = await createAuthority(`${this.name} root`, await generateKeyPair('ec-p256'), validity, 1);
    const authority = await createAuthority(`${this.name} intermediate`, keys, validity, 0, root);
    const identifier = authority.certificate.getExtension(x509.SubjectKeyIdentifierExtension);
    const chain = `${authority.certificate.toString('pem')}\n`;
    return { ...authority, chain, keyId: identifier!.keyId };
  }
}
