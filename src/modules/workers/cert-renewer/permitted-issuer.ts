import { type Certificate } from '../../certificates/certificate.js';
import { type CertificateIssuer } from '../../certificates/issuers/certificate-issuer.js';
import { type Issuers } from '../../certificates/issuers/issuers.js';
import { type DomainPreflight, type PreflightFault } from '../../network/domain-preflight.js';

export interface PermittedIssuer {
  issuer: CertificateIssuer;
  /** Why it could not issue now, though the domain's CAA records do not forbid it; or that they forbid every CA. */
  fault?: PreflightFault | undefined;
}

/** The CA whose turn it is, or the next that the domain's CAA records allow where they forbid it that one. */
export async function permittedIssuer(
  certificate: Pick<Certificate, 'names'>,
  inTurn: CertificateIssuer,
  parts: { issuers: Pick<Issuers, 'all'>; preflight: Pick<DomainPreflight, 'check'> },
  signal: AbortSignal,
): Promise<PermittedIssuer> {
  const { all } = parts.issuers;
  const turn = all.indexOf(inTurn);
  let first: PreflightFault | undefined;
  for (const issuer of [...all.slice(turn), ...all.slice(0, turn)]) {
    const fault = await faultOf(certificate, issuer, parts.preflight, signal);
    if (!fault?.forbidden) return { issuer, fault };
    first ??= fault;
  }
  return { issuer: inTurn, fault: first };
}

async function faultOf(
  { names }: Pick<Certificate, 'names'>,
  issuer: CertificateIssuer,
  preflight: Pick<DomainPreflight, 'check'>,
  signal: AbortSignal,
): Promise<PreflightFault | undefined> {
  if (!issuer.validatesNames) return undefined;
  const identities = await issuer.caaIdentities(signal).catch(() => []);
  signal.throwIfAborted();
  return preflight.check(names, identities);
}
