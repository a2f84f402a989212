import { X509Certificate } from 'node:crypto';
import { type ChainInfo, readChain } from './chain.js';
import { privateKeyObject } from './key-pair.js';

/** What a CA has delivered cannot be served. Says what is wrong with it. */
export class UnusableCertificateError extends Error {
  override readonly name = 'UnusableCertificateError';

  constructor(readonly fault: string) {
    super(`The issued certificate cannot be used: ${fault}`);
  }
}

/** What the certificate has to match. */
export interface Expected {
  /** Normalized and sorted. */
  names: readonly string[];
  /** PEM. */
  privateKey: string;
  /** Milliseconds since the epoch. */
  now: number;
  /** Milliseconds by which the clocks of the CA and of this machine may differ. */
  clockSkew: number;
  /** PEM of the roots that it has to lead to. Default: whichever its own last certificate names. */
  roots?: readonly string[];
}

/**
 * That a chain may be served in the place of the one before: it can be read, is complete up to a root, has exactly
 * the names that were asked for and the key of this request, and is valid now.
 * @throws UnusableCertificateError
 */
export function checkIssued(chain: string, expected: Expected): ChainInfo {
  let info: ChainInfo;
  try {
    info = readChain(chain);
  } catch (error) {
    throw new UnusableCertificateError(`it cannot be read (${(error as Error).message})`);
  }
  const leaf = info.certificates[0]!;
  if (!sameNames(info.names, expected.names))
    throw new UnusableCertificateError(
      `it is for ${listed(info.names)} instead of ${listed(expected.names)}`,
    );
  if (!leaf.checkPrivateKey(privateKeyObject(expected.privateKey)))
    throw new UnusableCertificateError('it is for another key');
  checkDates(info, expected);
  checkLinks(info.certificates, expected.roots);
  return info;
}

function checkDates({ notBefore, notAfter }: ChainInfo, { now, clockSkew }: Expected): void {
  if (notBefore.getTime() > now + clockSkew)
    throw new UnusableCertificateError(
      `it is valid from ${notBefore.toISOString()} on, and now is ${new Date(now).toISOString()}`,
    );
  if (notAfter.getTime() <= now - clockSkew)
    throw new UnusableCertificateError(`it ended at ${notAfter.toISOString()}`);
}

function checkLinks(certificates: readonly X509Certificate[], roots?: readonly string[]): void {
  const anchors = roots?.map((pem) => new X509Certificate(pem));
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer) {
      if (!signedBy(certificate, issuer))
        throw new UnusableCertificateError(
          `certificate ${index + 2} of its chain did not issue certificate ${index + 1}`,
        );
    } else if (anchors && !anchors.some((root) => isOrIssued(root, certificate))) {
      throw new UnusableCertificateError('its chain leads to none of the expected roots');
    } else if (!anchors && certificates.length === 1 && !signedBy(certificate, certificate)) {
      throw new UnusableCertificateError('its chain is missing: there is only the certificate itself');
    }
  }
}

function isOrIssued(root: X509Certificate, certificate: X509Certificate): boolean {
  return root.fingerprint256 === certificate.fingerprint256 || signedBy(certificate, root);
}

function signedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}

function listed(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
