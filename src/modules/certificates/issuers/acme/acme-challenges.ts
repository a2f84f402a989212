import type acme from 'acme-client';
import { type DnsLookup } from '../../../dns/dns-lookup.js';
import { waitForRecord } from '../../challenges/dns-propagation.js';
import { type DnsProvider, type TxtRecord } from '../../challenges/dns-provider.js';
import { type HttpChallengeStore } from '../../challenges/http-challenge.store.js';
import { isIpAddress } from '../../names.js';
import { IssuerError } from '../issuer.errors.js';
import { type AcmeIssuerSettings, type ChallengeType } from './acme.options.js';
import { timeoutSignal } from '../../../../core/timing/timer.js';

type Challenge = acme.Authorization['challenges'][number];

/** How long answers to HTTP-01 are kept when a crash keeps them from being removed. Longer than any order takes. */
const KEPT = 3_600_000;

/** What answers the CA's questions, and takes the answers away again. */
export interface Solvers {
  http: HttpChallengeStore;
  dns: DnsLookup;
}

/** Proves to the CA that the names of an order are ours. */
export class AcmeChallenges {
  private readonly cleanUps: (() => Promise<void>)[] = [];

  constructor(
    private readonly settings: AcmeIssuerSettings,
    private readonly solvers: Solvers,
    private readonly client: acme.Client,
    private readonly signal: AbortSignal,
  ) {}

  /** Puts the answer where the CA will look for it, and tells the CA that it may. */
  async solve(authorization: acme.Authorization): Promise<void> {
    if (authorization.status !== 'pending') return;
    const challenge = this.choose(authorization);
    // Told before, and not answered yet: the order was taken up again.
    if (challenge.status === 'pending') {
      const answer = await this.client.getChallengeKeyAuthorization(challenge);
      if (challenge.type === 'http-01') await this.presentHttp(challenge.token, answer);
      else await this.presentDns(authorization.identifier.value, answer);
      this.signal.throwIfAborted();
      await this.client.completeChallenge(challenge);
    }
  }

  /** Takes all answers away. What cannot be removed stays: it expires, and proves nothing to anybody else. */
  async cleanUp(): Promise<void> {
    await Promise.allSettled(this.cleanUps.splice(0).map((cleanUp) => cleanUp()));
  }

  private choose({ identifier, wildcard, challenges }: acme.Authorization): Challenge {
    const { challenges: allowed, dns } = this.settings;
    const name = wildcard ? `*.${identifier.value}` : identifier.value;
    const possible = allowed.filter((type) => this.isPossible(type, name, wildcard ?? false));
    for (const type of possible) {
      const offered = challenges.find((challenge) => challenge.type === type);
      if (offered) return offered;
    }
    const offered = challenges.map(({ type }) => type).join(', ');
    const missing = wildcard && !dns ? ': a wildcard needs DNS-01, and there is no DNS provider' : '';
    throw new IssuerError(
      this.settings.name,
      'rejected',
      `${name} can be proven by ${offered || 'nothing'}, and ${possible.join(', ') || 'none of it'} is possible here${missing}`,
    );
  }

  private isPossible(type: ChallengeType, name: string, wildcard: boolean): boolean {
    if (type === 'http-01') return !wildcard;
    return this.settings.dns !== undefined && !isIpAddress(name);
  }

  private async presentHttp(token: string, answer: string): Promise<void> {
    this.cleanUps.push(() => this.solvers.http.remove(token));
    await this.solvers.http.put(token, answer, KEPT);
  }

  private async presentDns(hostname: string, value: string): Promise<void> {
    const provider: DnsProvider = this.settings.dns!;
    // To give no write access to a zone, delegate this one name by a CNAME.
    const name = await this.solvers.dns.canonicalName(`_acme-challenge.${hostname}`);
    const record: TxtRecord = { name, value };
    this.cleanUps.push(() => provider.cleanUp(record, timeoutSignal(30_000)));
    await provider.present(record, this.signal);
    await waitForRecord(this.solvers.dns, record, this.settings.propagationTimeout, this.signal);
  }
}
