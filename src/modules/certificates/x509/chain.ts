import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { X509Certificate } from 'node:crypto';
import { normalizeName } from '../names.js';

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';

/** What a chain of certificates says of its first, the one that is served. */
export interface ChainInfo {
  /** The leaf first. */
  readonly certificates: readonly X509Certificate[];
  /** Normalized and sorted. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** In hexadecimal, lower case. */
  readonly serialNumber: string;
  /**
   * How ARI (RFC 9773) calls it: key identifier of its issuer and serial number, in base64url, joined by a dot. Absent
   * where the certificate does not name its issuer's key.
   */
  readonly ariId: string | undefined;
}

/** @throws Error when there is no certificate in it, or one that cannot be read */
export function readChain(pem: string): ChainInfo {
  const certificates = (pem.match(PEM) ?? []).map((part) => new X509Certificate(part));
  const leaf = certificates[0];
  if (!leaf) throw new Error('there is no certificate in the chain');
  return {
    certificates,
    names: namesOf(leaf),
    notBefore: new Date(leaf.validFrom),
    notAfter: new Date(leaf.validTo),
    serialNumber: leaf.serialNumber.toLowerCase(),
    ariId: ariIdOf(leaf),
  };
}

/** Such as `DNS:a.example.com, IP Address:192.0.2.7`. A CA's other entries (mail, URI) are no names of ours. */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .flatMap((entry) => {
      const [, value] = /^(?:DNS|IP Address):(.+)$/.exec(entry) ?? [];
      return value === undefined ? [] : [normalizeName(value) ?? value];
    })
    .sort();
}

/**
 * RFC 9773, 4.1. The serial number is taken as DER has it: with the leading zero of one whose first bit is set.
 */
function ariIdOf(leaf: X509Certificate): string | undefined {
  const parsed = new x509.X509Certificate(leaf.raw);
  const identifier = parsed.getExtension<x509.AuthorityKeyIdentifierExtension>(AUTHORITY_KEY_IDENTIFIER);
  if (!identifier?.keyId) return undefined;
  return ariIdFrom(identifier.keyId, leaf.serialNumber);
}

/** @param keyId and serial in hexadecimal */
export function ariIdFrom(keyId: string, serial: string): string {
  const even = serial.length % 2 ? `0${serial}` : serial;
  const bytes = Buffer.from(even, 'hex');
  const der = bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${der.toString('base64url')}`;
}
