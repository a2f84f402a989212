import { type CaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { DnsUnavailableError, InvalidDnsServersError } from './dns.errors.js';

export interface DnsLookupOptions {
  /** Resolvers to ask, as `192.0.2.1` or `192.0.2.1:5353`. Default those of the system. */
  servers?: readonly string[] | undefined;
  /** Milliseconds for one try. Default 5000. */
  timeout?: number | undefined;
  /** Tries of each server. Default 2. */
  tries?: number | undefined;
}

/** Answers that mean: no such record. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);

/** Longer chains of CNAMEs are loops. */
const MOST_CNAMES = 10;

/**
 * Questions to the DNS. There being no record is an empty answer; no answer is a `DnsUnavailableError`, from which
 * nothing follows.
 */
export class DnsLookup {
  private readonly resolver: Resolver;

  /** @throws InvalidDnsServersError */
  constructor(private readonly options: DnsLookupOptions = {}) {
    this.resolver = resolverFor(options, options.servers);
  }

  /** Of each record the text, its parts joined. */
  async txt(name: string): Promise<string[]> {
    return txtFrom(this.resolver, name);
  }

  async cname(name: string): Promise<string | undefined> {
    const [target] = await answer(name, () => this.resolver.resolveCname(name));
    return target?.toLowerCase().replace(/\.$/, '');
  }

  /** Where a chain of CNAMEs ends; the name itself where there is none. */
  async canonicalName(name: string): Promise<string> {
    let current = name;
    for (let steps = 0; steps < MOST_CNAMES; steps++) {
      const target = await this.cname(current);
      if (target === undefined || target === current) return current;
      current = target;
    }
    throw new DnsUnavailableError(name, 'ELOOP');
  }

  /** IPv4 and IPv6. */
  async addresses(name: string): Promise<string[]> {
    if (isIP(name)) return [name];
    const [v4, v6] = await Promise.all([
      answer(name, () => this.resolver.resolve4(name)),
      answer(name, () => this.resolver.resolve6(name)),
    ]);
    return [...v4, ...v6];
  }

  /** CAA records that apply: of the name, or else of the nearest name above it that has any (RFC 8659). */
  async caa(name: string): Promise<CaaRecord[]> {
    for (const ancestor of ancestors(name)) {
      const records = await answer(ancestor, () => this.resolver.resolveCaa(ancestor));
      if (records.length > 0) return records;
    }
    return [];
  }

  /** Asks each authoritative server of the name's zone for its TXT records; the resolvers where none is known. */
  async authoritativeTxt(name: string): Promise<string[][]> {
    const addresses = await this.authoritativeServers(name);
    if (addresses.length === 0) return [await this.txt(name)];
    return Promise.all(
      addresses.map((address) => txtFrom(resolverFor({ ...this.options, tries: 1 }, [address]), name)),
    );
  }

  private async authoritativeServers(name: string): Promise<string[]> {
    for (const zone of ancestors(name)) {
      // A resolver that does not answer for NS may answer for the rest: then it is asked instead.
      const servers = await answer(zone, () => this.resolver.resolveNs(zone)).catch(() => []);
      if (servers.length === 0) continue;
      const found = await Promise.all(servers.map((server) => this.addresses(server)));
      return found.flat();
    }
    return [];
  }
}

async function txtFrom(resolver: Resolver, name: string): Promise<string[]> {
  const records = await answer(name, () => resolver.resolveTxt(name));
  return records.map((parts) => parts.join(''));
}

/** The name, then each above it, down to two labels. */
function ancestors(name: string): string[] {
  const labels = name.replace(/^\*\./, '').split('.');
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'));
}

function resolverFor(
  { timeout = 5_000, tries = 2 }: DnsLookupOptions,
  servers?: readonly string[],
): Resolver {
  const resolver = new Resolver({ timeout, tries });
  if (!servers?.length) return resolver;
  try {
    resolver.setServers(servers);
  } catch {
    throw new InvalidDnsServersError(servers);
  }
  return resolver;
}

async function answer<T>(name: string, ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask();
  } catch (error) {
    const { code = 'unknown' } = error as { code?: string };
    if (NOTHING.has(code)) return [];
    throw new DnsUnavailableError(name, code);
  }
}
