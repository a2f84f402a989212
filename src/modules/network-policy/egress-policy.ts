import { type LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { EgressDeniedError, InvalidNetworkError } from './network-policy.errors.js';

export interface EgressOptions {
  /** Addresses and networks that may be reached although they are reserved, such as `10.1.0.0/16`. Default none. */
  allow?: readonly string[] | undefined;
  /** What may not be reached besides; goes over `allow`. Default none. */
  deny?: readonly string[] | undefined;
}

/**
 * Reserved by IANA's special-purpose registries (RFC 6890 and its updates): this host, this network, other people's
 * private networks, the metadata services of clouds. What they hold is nothing that a target given by a tenant may reach.
 * Of the metadata services Azure's alone has a public address.
 */
const RESERVED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** Verdicts that are kept. */
const MOST_VERDICTS = 10_000;

/**
 * Which addresses connections to targets that others name may reach. Loopback, private, link-local and other reserved
 * addresses are denied unless they are allowed.
 *
 * It judges addresses, never names: a name is judged by what it resolved to for this very connection (`permitted`), so
 * one that resolves anew, to something private, gets nowhere. Where a host is an address itself, no look-up happens and
 * `check` has to be called.
 */
export class EgressPolicy {
  private readonly reserved = blockListOf(RESERVED);
  private readonly allowed: BlockList;
  private readonly denied: BlockList;
  /** By address. Node makes an object outside of its heap for each question that a `BlockList` is asked. */
  private readonly verdicts = new Map<string, boolean>();

  /** @throws InvalidNetworkError */
  constructor({ allow = [], deny = [] }: EgressOptions = {}) {
    this.allowed = blockListOf(allow);
    this.denied = blockListOf(deny);
  }

  /** Whether the address may be reached. Anything that is no address may not. */
  allows(address: string): boolean {
    const known = this.verdicts.get(address);
    if (known !== undefined) return known;
    const verdict = this.judge(address);
    if (this.verdicts.size >= MOST_VERDICTS) this.verdicts.clear();
    this.verdicts.set(address, verdict);
    return verdict;
  }

  private judge(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    const type = family === 6 ? 'ipv6' : 'ipv4';
    if (this.denied.check(address, type)) return false;
    const carried = family === 6 ? carriedIpv4(address) : undefined;
    // An IPv4 address inside of an IPv6 one is reached as itself.
    if (carried !== undefined) return this.judge(carried);
    return this.allowed.check(address, type) || !this.reserved.check(address, type);
  }

  /** @throws EgressDeniedError @param host what the address was found for */
  check(address: string, host: string = address): void {
    if (!this.allows(address)) throw new EgressDeniedError(host, address);
  }

  /**
   * Of the addresses that a name resolved to, those that may be reached.
   * @throws EgressDeniedError when none is left
   */
  permitted(host: string, addresses: readonly LookupAddress[]): LookupAddress[] {
    const permitted = addresses.filter(({ address }) => this.allows(address));
    const [first] = addresses;
    if (permitted.length === 0 && first) throw new EgressDeniedError(host, first.address);
    return permitted;
  }
}

/**
 * Mapped (::ffff:0:0/96), compatible (::/96), translated (::ffff:0:0:0/96), by NAT64 (64:ff9b::/96) and 6to4
 * (2002::/16).
 */
function carriedIpv4(address: string): string | undefined {
  const groups = ipv6Groups(address);
  const dotted = (high: number, low: number): string =>
    [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const [first, second] = [groups[0]!, groups[1]!];
  if (first === 0x2002) return dotted(second, groups[2]!);
  const lastTwo = dotted(groups[6]!, groups[7]!);
  if (first === 0x64 && second === 0xff9b && groups.slice(2, 6).every((group) => group === 0)) return lastTwo;
  if (groups.slice(0, 4).some((group) => group !== 0)) return undefined;
  if (groups[4] === 0xffff && groups[5] === 0) return lastTwo;
  if (groups[4] !== 0) return undefined;
  if (groups[5] === 0xffff) return lastTwo;
  // :: and ::1 are addresses of their own.
  return groups[5] === 0 && (groups[6] !== 0 || groups[7]! > 1) ? lastTwo : undefined;
}

function ipv6Groups(address: string): number[] {
  // The URL parser writes each in its one canonical way, embedded dotted quads in hexadecimal.
  const canonical = new URL(`http://[${address.split('%')[0]!}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
  const [before, after] = [parse(head), parse(tail ?? '')];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix, ...rest] = String(network).split('/');
    const family = isIP(address);
    const bits = family === 6 ? 128 : 32;
    const length = prefix === undefined ? bits : Number(prefix);
    if (family === 0 || rest.length > 0 || !/^\d+$/.test(prefix ?? '0') || length > bits)
      throw new InvalidNetworkError(network);
    list.addSubnet(address, length, family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
