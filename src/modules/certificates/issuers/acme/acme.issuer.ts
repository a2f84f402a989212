import type acme from 'acme-client';
import { type DnsLookup } from '../../../dns/dns-lookup.js';
import { DnsUnavailableError } from '../../../dns/dns.errors.js';
import { AriClient } from '../../ari/ari.client.js';
import { DnsPropagationError } from '../../challenges/dns-propagation.js';
import { type HttpChallengeStore } from '../../challenges/http-challenge.store.js';
import { DnsWebhookError } from '../../challenges/webhook-dns.provider.js';
import { type KeyRing } from '../../keys/key-ring.js';
import { type IssuanceLimits } from '../../limits/issuance-limits.js';
import {
  CertificateIssuer,
  type Issuance,
  type IssuanceRequest,
  type RenewalInfo,
} from '../certificate-issuer.js';
import { IssuerError, type IssuerFault } from '../issuer.errors.js';
import { type IssuerStateStore } from '../issuer-state.store.js';
import { AcmeAccount } from './acme-account.js';
import { AcmeOrder } from './acme-order.js';
import { AcmeProblem, AcmeUnreachableError } from './acme-problem.js';
import { AcmeTransport } from './acme-transport.js';
import { type AcmeIssuerOptions, type AcmeIssuerSettings, acmeIssuerSettings } from './acme.options.js';

/** What an `AcmeIssuer` works with. */
export interface AcmeIssuerDependencies {
  states: IssuerStateStore;
  keyRing: KeyRing;
  http: HttpChallengeStore;
  dns: DnsLookup;
}

/** As far as it is used here. */
interface Directory {
  renewalInfo?: string;
  meta?: { caaIdentities?: string[]; profiles?: Record<string, string> };
}

/** Milliseconds for which a directory is believed. */
const DIRECTORY_AGE = 3_600_000;

const VALIDATION = new Set(['connection', 'dns', 'tls', 'incorrectResponse', 'caa']);
const ACCOUNT = new Set(['accountDoesNotExist', 'externalAccountRequired', 'userActionRequired']);

/**
 * A CA that speaks ACME (RFC 8555), such as Let's Encrypt: several names, wildcards, IP addresses, profiles, external
 * account binding, renewal information. Its account is made at the first order, and again if the CA has lost it.
 */
export class AcmeIssuer extends CertificateIssuer {
  readonly name: string;
  readonly limits: IssuanceLimits | undefined;
  readonly roots: readonly string[] | undefined;
  private readonly settings: AcmeIssuerSettings;
  private readonly transport: AcmeTransport;
  private readonly account: AcmeAccount;
  private readonly ari: AriClient;
  private client?: Promise<acme.Client>;
  private known?: { directory: Promise<Directory>; until: number };

  /** @throws InvalidInputError */
  constructor(
    options: AcmeIssuerOptions,
    private readonly dependencies: AcmeIssuerDependencies,
  ) {
    super();
    this.settings = acmeIssuerSettings(options);
    const { name, limits, roots, trust, requestTimeout } = this.settings;
    [this.name, this.limits, this.roots] = [name, limits, roots];
    this.transport = new AcmeTransport({ trust, timeout: requestTimeout });
    this.account = new AcmeAccount(this.settings, dependencies.states, dependencies.keyRing);
    this.ari = new AriClient((url, signal) => this.transport.getJson(url, signal));
  }

  override async prepare(signal: AbortSignal): Promise<void> {
    await this.translated(signal, () => this.transport.run(signal, () => this.open()));
  }

  override async caaIdentities(signal: AbortSignal): Promise<readonly string[]> {
    const { meta } = await this.translated(signal, () => this.directory(signal));
    return meta?.caaIdentities ?? [];
  }

  override issue(request: IssuanceRequest): Promise<Issuance> {
    const { signal } = request;
    return this.translated(signal, async () => {
      signal.throwIfAborted();
      await this.checkProfile(signal);
      return this.transport.run(signal, async () => {
        try {
          return await this.order(request, await this.open());
        } catch (error) {
          const client = await this.reopened(error);
          if (!client) throw error;
          return this.order(request, client);
        }
      });
    });
  }

  override async renewalInfo(ariId: string, signal: AbortSignal): Promise<RenewalInfo | undefined> {
    return this.translated(signal, async () => {
      const { renewalInfo } = await this.directory(signal);
      return renewalInfo === undefined ? undefined : this.ari.fetch(renewalInfo, ariId, signal);
    });
  }

  /** Closes its connections. */
  close(): Promise<void> {
    return this.transport.close();
  }

  private order(request: IssuanceRequest, client: acme.Client): Promise<Issuance> {
    const { http, dns } = this.dependencies;
    return new AcmeOrder(this.settings, { http, dns }, this.transport, client).run(request);
  }

  private open(): Promise<acme.Client> {
    this.client ??= this.account.client().catch((error: unknown) => {
      this.client = undefined;
      throw error;
    });
    return this.client;
  }

  /** Another client after what one can help against: a lost account, a directory whose URLs have moved. */
  private async reopened(error: unknown): Promise<acme.Client | undefined> {
    if (!(error instanceof AcmeProblem)) return undefined;
    const moved = error.status === 404 || error.status === 405 || error.status === 410;
    const lost = error.kind === 'accountDoesNotExist' || isEnded(error);
    if (!moved && !lost) return undefined;
    this.known = undefined;
    this.client = lost ? this.account.renew(error) : this.account.client();
    this.client.catch(() => (this.client = undefined));
    return this.client;
  }

  private directory(signal: AbortSignal): Promise<Directory> {
    if (!this.known || performance.now() > this.known.until) {
      const directory = this.transport
        .getJson(this.settings.directoryUrl, signal)
        .then(({ body }) => Object(body) as Directory);
      directory.catch(() => (this.known = undefined));
      this.known = { directory, until: performance.now() + DIRECTORY_AGE };
    }
    return this.known.directory;
  }

  private async checkProfile(signal: AbortSignal): Promise<void> {
    const { profile } = this.settings;
    if (profile === undefined) return;
    const profiles = Object.keys((await this.directory(signal)).meta?.profiles ?? {});
    if (profiles.includes(profile)) return;
    const offered = profiles.length ? `it has ${profiles.join(', ')}` : 'it has none';
    throw new IssuerError(this.name, 'rejected', `the CA has no profile "${profile}": ${offered}`);
  }

  private async translated<T>(signal: AbortSignal, fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (error) {
      signal.throwIfAborted();
      throw this.asIssuerError(error);
    }
  }

  private asIssuerError(error: unknown): unknown {
    const fail = (fault: IssuerFault, retryAfter?: number) =>
      new IssuerError(this.name, fault, (error as Error).message, {
        cause: error,
        retryAt: retryAfter === undefined ? undefined : new Date(Date.now() + retryAfter),
      });
    if (error instanceof AcmeProblem) return fail(faultOf(error), error.retryAfter);
    if (error instanceof AcmeUnreachableError) return fail('unavailable');
    if (error instanceof DnsWebhookError || error instanceof DnsPropagationError) return fail('unavailable');
    if (error instanceof DnsUnavailableError) return fail('unavailable');
    return error;
  }
}

function isEnded({ kind, status, message }: AcmeProblem): boolean {
  return (kind === 'unauthorized' || status === 403) && /deactivated|revoked/i.test(message);
}

function faultOf(problem: AcmeProblem): IssuerFault {
  const { kind = '', status } = problem;
  if (kind === 'rateLimited' || status === 429) return 'rate_limited';
  if (status >= 500) return 'unavailable';
  if (VALIDATION.has(kind)) return 'validation';
  if (ACCOUNT.has(kind) || kind === 'unauthorized') return 'account';
  return kind === 'badNonce' || kind === 'orderNotReady' ? 'unavailable' : 'rejected';
}
