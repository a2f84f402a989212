import { type Certificate, type CertificateStage } from './certificate.js';

/** A certificate as people want to see it. */
export interface CertificateView {
  id: string;
  tenantId: string;
  domainId: string;
  names: readonly string[];
  stage: CertificateStage;
  /** Until it expires, negative since; absent when none has been issued. */
  daysLeft?: number;
  notAfter?: Date;
  issuer?: string;
  serialNumber?: string;
  /** When its renewal is due. */
  renewAt?: Date;
  /** Why then, as the CA explains it. */
  explanationUrl?: string;
  /** When the renewer looks at it next. */
  nextAttempt?: Date;
  /** Failed attempts since the last success. */
  failures: number;
  failingSince?: Date;
  /** In the CA's own words. */
  lastError?: string;
}

const DAY = 86_400_000;

/** @param now milliseconds since the epoch */
export function certificateView(certificate: Certificate, now: number): CertificateView {
  const { id, tenantId, domainId, names, issued, renewal, dueAt } = certificate;
  const { stage, renewAt, ari, failures, failingSince, lastError } = renewal;
  return {
    id,
    tenantId,
    domainId,
    names,
    stage,
    ...(issued && {
      daysLeft: Math.round(((issued.notAfter.getTime() - now) / DAY) * 100) / 100,
      notAfter: issued.notAfter,
      issuer: issued.issuer,
      serialNumber: issued.serialNumber,
    }),
    ...(renewAt && { renewAt }),
    ...(ari?.explanationUrl && { explanationUrl: ari.explanationUrl }),
    ...(dueAt && { nextAttempt: dueAt }),
    failures,
    ...(failingSince && { failingSince }),
    ...(lastError !== undefined && { lastError }),
  };
}
