import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes } from 'node:crypto';
import { alternativeNames, type CryptoKeyPair, webCrypto } from './key-pair.js';

/** A CA's certificate and the key that it signs with. */
export interface Authority {
  certificate: x509.X509Certificate;
  keys: Pick<CryptoKeyPair, 'privateKey'>;
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

/**
 * A CA certificate, signed by the one above it, or by itself where there is none.
 * @param pathLength how many CAs may follow below
 */
export async function createAuthority(
  commonName: string,
  keys: CryptoKeyPair,
  validity: Validity,
  pathLength: number,
  above?: Authority,
): Promise<Authority> {
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: newSerialNumber(),
      subject: [{ CN: [commonName] }],
      issuer: above ? above.certificate.subject : [{ CN: [commonName] }],
      publicKey: keys.publicKey,
      signingKey: (above?.keys ?? keys).privateKey,
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(true, pathLength, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webCrypto),
        await x509.AuthorityKeyIdentifierExtension.create(
          above ? above.certificate.publicKey : keys.publicKey,
          false,
          webCrypto,
        ),
      ],
    },
    webCrypto,
  );
  return { certificate, keys };
}

/** A server's certificate for these names and that key. */
export async function signServerCertificate(
  authority: Authority,
  names: readonly string[],
  publicKey: x509.PublicKeyType,
  validity: Validity,
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: newSerialNumber(),
      issuer: authority.certificate.subject,
      publicKey,
      signingKey: authority.keys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [
        alternativeNames(names),
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], false),
        await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey, false, webCrypto),
        await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webCrypto),
      ],
    },
    webCrypto,
  );
}

/** 127 random bits: positive, and never the same twice. */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0]! = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}
