import { describe, expect, it } from '@jest/globals';
import { type CaaRecord } from 'node:dns';
import { DnsLookup } from '../dns/dns-lookup.js';
import { DnsUnavailableError } from '../dns/dns.errors.js';
import { DnsDomainPreflight } from './domain-preflight.js';

type Records = Record<string, { a?: string[]; cname?: string; caa?: Partial<CaaRecord>[] } | 'servfail'>;

/** A DNS of these records. */
class FakeDns extends DnsLookup {
  constructor(private readonly records: Records) {
    super();
  }

  private of(name: string) {
    const found = this.records[name];
    if (found === 'servfail') throw new DnsUnavailableError(name, 'ESERVFAIL');
    return found ?? {};
  }

  override async addresses(name: string): Promise<string[]> {
    return this.of(name).a ?? [];
  }
  override async cname(name: string): Promise<string | undefined> {
    return this.of(name).cname;
  }
  override async caa(name: string): Promise<CaaRecord[]> {
    return (this.of(name.replace(/^\*\./, '')).caa ?? []) as CaaRecord[];
  }
}

describe('the look at a domain before its certificate is ordered', () => {
  const check = async (
    names: string[],
    records: Records,
    { addresses = [], hostnames = [], ca = ['ca.example'] as readonly string[] } = {} as {
      addresses?: string[];
      hostnames?: string[];
      ca?: readonly string[];
    },
  ) =>
    (
      await new DnsDomainPreflight(new FakeDns(records), { addresses, hostnames, dnsServers: [] }).check(
        names,
        ca,
      )
    )?.reason;
  const here = { a: ['192.0.2.1'] };
  const at = (...caa: Partial<CaaRecord>[]): Records => ({ 'a.test': { ...here, caa } });

  it('takes a name that leads here, by address, by another address, or by a CNAME', async () => {
    const ours = { addresses: ['192.0.2.1', '2001:db8::1'], hostnames: ['edge.example.net'] };
    expect(await check(['a.test'], { 'a.test': here }, ours)).toBeUndefined();
    const several = { 'a.test': { a: ['198.51.100.7', '2001:db8::1'] } };
    expect(await check(['a.test'], several, ours)).toBeUndefined();
    const named = { 'a.test': { a: ['203.0.113.9'], cname: 'edge.example.net' } };
    expect(await check(['a.test'], named, ours)).toBeUndefined();
    // An apex cannot be a CNAME: it has the addresses that ours leads to.
    const flattened = { 'a.test': { a: ['203.0.113.9'] }, 'edge.example.net': { a: ['203.0.113.9'] } };
    expect(await check(['a.test'], flattened, { hostnames: ['edge.example.net'] })).toBeUndefined();
  });

  it('says of a name that leads elsewhere, or nowhere, where it leads', async () => {
    const ours = { addresses: ['192.0.2.1'] };
    const elsewhere = { 'a.test': here, 'b.test': { a: ['198.51.100.7'] } };
    expect(await check(['a.test', 'b.test'], elsewhere, ours)).toBe(
      'b.test leads to 198.51.100.7, which is not here',
    );
    expect(await check(['a.test'], {}, ours)).toBe('a.test has no address in the DNS');
  });

  it('asks of a wildcard only whether the CA may issue it, and of an IP address nothing', async () => {
    expect(await check(['*.a.test'], {}, { addresses: ['192.0.2.1'] })).toBeUndefined();
    expect(await check(['192.0.2.9', '2001:db8::9'], {}, { addresses: ['192.0.2.1'] })).toBeUndefined();
  });

  it('concludes nothing from a DNS that does not answer', async () => {
    expect(await check(['a.test'], { 'a.test': 'servfail' }, { addresses: ['192.0.2.1'] })).toBeUndefined();
  });

  it.each([
    ['no record', []],
    ['its name', [{ issue: 'ca.example' }]],
    ['its name in capitals, with parameters', [{ issue: ' CA.example ; accounturi=https://x' }]],
    ['its name among others', [{ issue: 'other.example' }, { issue: 'ca.example' }]],
    ['records that say nothing of issuing', [{ iodef: 'mailto:a@a.test' }]],
    ['a rule for wildcards alone', [{ issuewild: 'other.example' }]],
  ])('lets a CA issue where CAA has %s', async (_, caa) => {
    expect(await check(['a.test'], at(...caa))).toBeUndefined();
  });

  it.each([
    ['another CA', [{ issue: 'other.example' }], 'allow other.example, and not ca.example'],
    ['nobody', [{ issue: ';' }], 'allow nobody, and not ca.example'],
    ['nobody, by an empty value', [{ issue: '' }], 'allow nobody, and not ca.example'],
  ])('says where CAA allows %s', async (_, caa, words) => {
    expect(await check(['a.test'], at(...caa))).toBe(`CAA records of a.test ${words}`);
  });

  it('forbids every CA what a critical property asks for that is not known, as RFC 8659 has it', async () => {
    const own = { issue: 'ca.example' };
    expect(await check(['a.test'], at(own, { critical: 128, tbs: 'x' } as Partial<CaaRecord>))).toMatch(
      /the critical property "tbs"/,
    );
    expect(
      await check(['a.test'], at({ ...own, critical: 128 }, { critical: 128, iodef: 'x' })),
    ).toBeUndefined();
    expect(await check(['a.test'], at(own, { critical: 0, tbs: 'x' } as Partial<CaaRecord>))).toBeUndefined();
  });

  it('goes by issuewild for a wildcard, and by issue where there is none', async () => {
    const wild = at({ issue: 'other.example' }, { issuewild: 'ca.example' });
    expect(await check(['*.a.test'], wild)).toBeUndefined();
    expect(await check(['a.test'], wild)).toMatch(/allow other\.example/);
    expect(await check(['*.a.test'], at({ issue: 'ca.example' }))).toBeUndefined();
    expect(await check(['*.a.test'], at({ issue: 'ca.example' }, { issuewild: ';' }))).toMatch(
      /allow nobody/,
    );
  });

  it('does not look at CAA for a CA that it does not concern', async () => {
    expect(await check(['a.test'], at({ issue: ';' }), { ca: [] })).toBeUndefined();
  });
});
