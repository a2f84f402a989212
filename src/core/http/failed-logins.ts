import { isIPv6 } from 'node:net';

/** Wrong tokens of one address in a period, after which it is refused for the rest of the period. */
const MOST_FAILURES = 10;
/** Length of the period in milliseconds. */
const WITHIN = 60_000;
/** Most addresses that are remembered; beyond it the oldest is dropped. */
const MOST_ADDRESSES = 10_000;

/** Counts wrong tokens by address, to prevent guessing. */
export class FailedLogins {
  private readonly counts = new Map<string, { failures: number; until: number }>();

  /** @returns seconds that this address has to wait; 0 when it may try */
  waitOf(address: string, now: number): number {
    const network = networkOf(address);
    const count = this.counts.get(network);
    if (!count) return 0;
    if (count.until <= now) {
      this.counts.delete(network);
      return 0;
    }
    return count.failures < MOST_FAILURES ? 0 : Math.ceil((count.until - now) / 1_000);
  }

  /** @returns whether this address has to wait from now on */
  failed(address: string, now: number): boolean {
    const network = networkOf(address);
    const count = this.counts.get(network);
    if (count && count.until > now) return ++count.failures === MOST_FAILURES;
    this.counts.delete(network);
    this.counts.set(network, { failures: 1, until: now + WITHIN });
    if (this.counts.size > MOST_ADDRESSES) this.counts.delete(this.counts.keys().next().value!);
    return false;
  }
}

/** Whoever has an IPv6 address has all of its /64, and could guess from another one each time. */
function networkOf(address: string): string {
  const [plain] = address.split('%');
  // An IPv4 address in the form of IPv6 is one address.
  if (!isIPv6(plain!) || plain!.includes('.')) return address;
  const [head, tail] = plain!.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = tail
    ? [...head!, ...Array<string>(8 - head!.length - tail.length).fill('0'), ...tail]
    : head!;
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
