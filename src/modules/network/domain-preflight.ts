import { Injectable } from '@nestjs/common';
import { type CaaRecord } from 'node:dns';
import { isIpAddress, isWildcard } from '../certificates/names.js';
import { DnsLookup } from '../dns/dns-lookup.js';
import { DnsUnavailableError } from '../dns/dns.errors.js';
import { type NetworkSettings } from './network.options.js';

/** Properties of CAA records that CAs know. */
const KNOWN = new Set([
  'issue',
  'issuewild',
  'iodef',
  'issuemail',
  'issuevmc',
  'contactemail',
  'contactphone',
]);

/** What keeps a name from being certified, as a sentence. */
export interface PreflightFault {
  readonly name: string;
  readonly reason: string;
  /** Whether it speaks against this CA alone: another one may issue all the same. Default false. */
  readonly forbidden?: boolean;
}

/** Looks, before a certificate is ordered, whether the order can succeed: a failed one counts at the CA. */
export abstract class DomainPreflight {
  /**
   * @param caaIdentities what the CA is called in CAA records; empty where CAA does not concern it
   * @returns undefined when nothing speaks against it, also when the DNS does not answer
   */
  abstract check(
    names: readonly string[],
    caaIdentities: readonly string[],
  ): Promise<PreflightFault | undefined>;
}

/** Asks the DNS: whether the names lead here (A, AAAA, CNAME), and whether that CA may issue for them (CAA). */
@Injectable()
export class DnsDomainPreflight extends DomainPreflight {
  constructor(
    private readonly dns: DnsLookup,
    private readonly settings: NetworkSettings,
  ) {
    super();
  }

  async check(
    names: readonly string[],
    caaIdentities: readonly string[],
  ): Promise<PreflightFault | undefined> {
    for (const name of names) {
      if (isIpAddress(name)) continue;
      const fault = await this.faultOf(name, caaIdentities).catch((error: unknown) => {
        // No answer proves nothing; the CA will see for itself.
        if (error instanceof DnsUnavailableError) return undefined;
        throw error;
      });
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  private async faultOf(name: string, caaIdentities: readonly string[]): Promise<PreflightFault | undefined> {
    // A wildcard is proven in the DNS, and leads nowhere by itself.
    const elsewhere = isWildcard(name) ? undefined : await this.elsewhere(name);
    if (elsewhere !== undefined) return { name, reason: elsewhere };
    const reason = caaIdentities.length > 0 ? await this.forbidden(name, caaIdentities) : undefined;
    return reason === undefined ? undefined : { name, reason, forbidden: true };
  }

  private async elsewhere(name: string): Promise<string | undefined> {
    const { addresses, hostnames } = this.settings;
    const found = await this.dns.addresses(name);
    if (found.length === 0) return `${name} has no address in the DNS`;
    if (addresses.length === 0 && hostnames.length === 0) return undefined;
    if (hostnames.includes(await this.dns.canonicalName(name))) return undefined;
    const ours = new Set(addresses);
    for (const hostname of hostnames)
      for (const address of await this.dns.addresses(hostname)) ours.add(address);
    if (ours.size === 0 || found.some((address) => ours.has(address))) return undefined;
    return `${name} leads to ${found.slice(0, 3).join(', ')}, which is not here`;
  }

  /** RFC 8659: where there are records, one has to name the CA; `issuewild` goes before `issue` for wildcards. */
  private async forbidden(name: string, identities: readonly string[]): Promise<string | undefined> {
    const records = await this.dns.caa(name);
    const unknown = records
      .filter(({ critical }) => critical)
      .map(propertyOf)
      .find((tag) => !KNOWN.has(tag));
    if (unknown !== undefined)
      return `CAA records of ${name} have the critical property "${unknown}", which forbids every CA that does not know it`;
    const wild = records.filter((record) => record.issuewild !== undefined);
    const issue = records.filter((record) => record.issue !== undefined);
    const relevant =
      isWildcard(name) && wild.length > 0 ? wild.map((r) => r.issuewild!) : issue.map((r) => r.issue!);
    if (relevant.length === 0) return undefined;
    const allowed = relevant.map((value) => value.split(';')[0]!.trim().toLowerCase());
    if (allowed.some((identity) => identities.includes(identity))) return undefined;
    const named = allowed.filter(Boolean).join(', ') || 'nobody';
    return `CAA records of ${name} allow ${named}, and not ${identities.join(' or ')}`;
  }
}

/** Node gives a record as its flag, and its one property by name. */
function propertyOf(record: CaaRecord): string {
  return (Object.keys(record).find((key) => key !== 'critical' && key !== 'type') ?? '').toLowerCase();
}
