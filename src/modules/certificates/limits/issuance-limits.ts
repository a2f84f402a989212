import { createHash } from 'node:crypto';
import { registeredDomain } from '../names.js';

/** This many in that time. The bucket fills up evenly, as those of CAs do. */
export interface Limit {
  readonly count: number;
  /** Milliseconds in which an empty bucket is full again. */
  readonly per: number;
}

/** What a CA allows. An absent limit is none. */
export interface IssuanceLimits {
  /** New orders of the account. */
  readonly ordersPerAccount?: Limit;
  /** Certificates for one registered domain, such as `example.co.uk`. */
  readonly perRegisteredDomain?: Limit;
  /** Certificates for exactly the same set of names. */
  readonly perNameSet?: Limit;
  /** Failed authorizations of one name. */
  readonly failuresPerName?: Limit;
  /** Whether a renewal that names what it replaces (ARI) is free of all of them. */
  readonly renewalsExempt: boolean;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Of 2026: https://letsencrypt.org/docs/rate-limits/ */
export const LETS_ENCRYPT_LIMITS: IssuanceLimits = {
  ordersPerAccount: { count: 300, per: 3 * HOUR },
  perRegisteredDomain: { count: 50, per: 7 * DAY },
  perNameSet: { count: 5, per: 7 * DAY },
  failuresPerName: { count: 5, per: HOUR },
  renewalsExempt: true,
};

/** A token bucket of the cluster, and what is wanted of it. */
export interface BucketUse {
  /** Names the bucket for everybody. */
  readonly key: string;
  readonly limit: Limit;
  /** Whether a token is taken; otherwise there only has to be one. */
  readonly take: boolean;
}

/** What an order for these names needs: a token of each, and none of the failures used up. */
export function bucketsOfOrder(
  issuer: string,
  names: readonly string[],
  { ordersPerAccount, perRegisteredDomain, perNameSet, failuresPerName }: IssuanceLimits,
): BucketUse[] {
  const uses: BucketUse[] = [];
  if (ordersPerAccount) uses.push({ key: `${issuer}/orders`, limit: ordersPerAccount, take: true });
  if (perRegisteredDomain)
    for (const domain of new Set(names.map(registeredDomain)))
      uses.push({ key: `${issuer}/domain/${domain}`, limit: perRegisteredDomain, take: true });
  if (perNameSet) uses.push({ key: `${issuer}/names/${digest(names)}`, limit: perNameSet, take: true });
  if (failuresPerName)
    for (const name of names)
      uses.push({ key: failureKey(issuer, name), limit: failuresPerName, take: false });
  return uses;
}

/** What the failed validation of these names costs. */
export function bucketsOfFailure(
  issuer: string,
  names: readonly string[],
  { failuresPerName }: IssuanceLimits,
): BucketUse[] {
  if (!failuresPerName) return [];
  return names.map((name) => ({ key: failureKey(issuer, name), limit: failuresPerName, take: true }));
}

function failureKey(issuer: string, name: string): string {
  return `${issuer}/failures/${name.replace(/^\*\./, '')}`;
}

/** A hundred names are longer than what an index of PostgreSQL holds. */
function digest(names: readonly string[]): string {
  return createHash('sha256').update(names.join(',')).digest('base64url');
}
