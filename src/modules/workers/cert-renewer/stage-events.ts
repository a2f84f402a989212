import { type Certificate, type CertificateStage } from '../../certificates/certificate.js';

/** Stages that an event tells of, with those that were passed on the way. */
export function reached(stage: CertificateStage, { issued }: Certificate): CertificateStage[] {
  switch (stage) {
    case 'expiring':
    case 'critical':
    case 'backoff':
      return [stage];
    case 'renewing':
      return issued ? ['expiring', 'renewing'] : ['renewing'];
    case 'pending':
    case 'valid':
    case 'lost':
      return [];
  }
}

/** What an event of that stage says. */
export function stageEvent(
  stage: CertificateStage,
  { id, tenantId, domainId, names, issued, renewal }: Certificate,
) {
  const payload = {
    certificateId: id,
    domainId,
    names,
    ...(issued && { notAfter: issued.notAfter.toISOString() }),
    ...(renewal.lastError !== undefined && { error: renewal.lastError, failures: renewal.failures }),
  };
  return { type: `cert.${stage}`, tenantId, payload };
}
