import { timingSafeEqual } from 'node:crypto';
import { type DnsLookup } from '../dns/dns-lookup.js';
import { type Domain } from './domain.js';

/** The label below a domain that holds the proof. */
const LABEL = '_ctrlplane-challenge';

const PREFIX = 'ctrlplane-verify=';

/** Records of which one has to be in the DNS, so that a domain is a tenant's. */
export interface ProofRecords {
  txt: { name: string; value: string };
  /** For whom it is easier: only where a host name to point to is configured. */
  cname?: { name: string; target: string };
}

export function proofRecords({ hostname, token }: Domain, target: string | undefined): ProofRecords {
  const name = `${LABEL}.${hostname}`;
  return {
    txt: { name, value: `${PREFIX}${token}` },
    // Points to a name of this tenant's own: to point to us proves nothing, as everybody does.
    ...(target !== undefined && { cname: { name, target: `${token}.${target}` } }),
  };
}

/** @throws DnsUnavailableError */
export async function isProven(dns: DnsLookup, { txt, cname }: ProofRecords): Promise<boolean> {
  if (cname && (await dns.cname(cname.name)) === cname.target) return true;
  const texts = await dns.txt(txt.name);
  return texts.some((text) => same(text.trim(), txt.value));
}

/** Of bytes: texts of one length may have different numbers of them, which `timingSafeEqual` does not take. */
function same(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
