import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { parse } from 'tldts';
import { z } from 'zod';
import { parseInput, shown } from '../input/input.js';

/** A label of a host name as certificates may have it: letters, digits and hyphens, no hyphen at either end. */
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

const LONGEST_NAME = 253;

/** What Let's Encrypt allows; more than most CAs do. */
export const MOST_NAMES = 100;

/**
 * A host name, wildcard or IP address in the one form in which it is stored and compared: lower case, punycode, no dot
 * at the end. Undefined when no certificate can have it.
 */
export function normalizeName(text: string): string | undefined {
  const bare = text.trim().replace(/\.$/, '');
  if (isIP(bare) === 4) return bare;
  // One with a zone is an address of one machine's own links.
  if (isIP(bare) === 6 && bare.includes('%')) return undefined;
  if (isIP(bare) === 6) return new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const wildcard = bare.startsWith('*.');
  const unicode = wildcard ? bare.slice(2) : bare;
  // What ends a host name in a URL would be cut off silently.
  if (/[/?#@:\\\s\0]/.test(unicode)) return undefined;
  const host = domainToASCII(unicode);
  const name = wildcard ? `*.${host}` : host;
  const labels = host.split('.');
  const { isIcann, domain } = parse(host);
  if (labels.length < 2 || name.length > LONGEST_NAME || !labels.every((label) => LABEL.test(label)))
    return undefined;
  // No CA issues for `co.uk` itself, or for everybody below it.
  if (isIcann && domain === null) return undefined;
  return name;
}

export const hostName = z.string({ error: 'expected a host name' }).transform((text, context) => {
  const name = normalizeName(text);
  if (name !== undefined) return name;
  context.addIssue(
    `${shown(text)} is no host name that a certificate can have: give a full name such as shop.example.com, *.example.com or an IP address`,
  );
  return z.NEVER;
});

const nameSet = z
  .array(hostName)
  .min(1, 'give at least one name')
  .max(MOST_NAMES, `give ${MOST_NAMES} names at the most`);

/**
 * The names of one certificate: normalized, each once, sorted, so that the same set always reads the same.
 * @throws InvalidInputError
 */
export function parseNames(names: readonly string[]): string[] {
  const { names: parsed } = parseInput('certificate', z.object({ names: nameSet }), { names });
  return [...new Set(parsed)].sort();
}

export function isWildcard(name: string): boolean {
  return name.startsWith('*.');
}

export function isIpAddress(name: string): boolean {
  return isIP(name) !== 0;
}

/** What is registered with a registrar, such as `example.co.uk`; the name itself for an IP address. */
export function registeredDomain(name: string): string {
  if (isIpAddress(name)) return name;
  // Private suffixes count as well: CAs do so, or all customers of github.io would share one limit.
  return parse(name.replace(/^\*\./, ''), { allowPrivateDomains: true }).domain ?? name;
}

/** Whether a certificate with that name is valid for the host. A wildcard stands for exactly one label. */
export function covers(name: string, host: string): boolean {
  return name === host || (isWildcard(name) && !isIpAddress(host) && name === wildcardFor(host));
}

/** The wildcard that would cover the host. */
export function wildcardFor(host: string): string {
  return `*.${host.slice(host.indexOf('.') + 1)}`;
}
