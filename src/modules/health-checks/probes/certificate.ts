import { TLSSocket } from 'node:tls';
import { type Socket } from 'node:net';
import { type TlsExpectation } from '../health-check.js';
import { ProbeFailure } from './prober.js';

const DAY = 86_400_000;

const REASONS: Record<string, string> = {
  CERT_NOT_YET_VALID: 'is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'goes back to a self-signed one that is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by nobody who is trusted: an intermediate may be missing',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by nobody who is known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by nobody who is trusted',
  CERT_REVOKED: 'is revoked',
};

/**
 * Judges the certificate of a connection.
 * @returns what is to be said although it holds: that it expires soon
 * @throws ProbeFailure when it does not hold
 */
export function judgeCertificate(
  socket: Socket | TLSSocket,
  { verify, minDays }: TlsExpectation,
  now: number = Date.now(),
): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const { valid_to, subjectaltname, subject } = socket.getPeerCertificate();
  const left = Math.floor((Date.parse(valid_to) - now) / DAY);
  if (verify && socket.authorizationError) {
    const code = codeOf(socket.authorizationError);
    if (code === 'CERT_HAS_EXPIRED')
      throw new ProbeFailure(
        left < 0
          ? `The certificate expired on ${dateOf(valid_to)}, ${-left} days ago`
          : 'A certificate of its chain has expired',
      );
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      throw new ProbeFailure(
        `The certificate is for another name: ${(subjectaltname ?? String(subject?.CN)).slice(0, 200)}`,
      );
    throw new ProbeFailure(`The certificate ${REASONS[code] ?? 'does not hold'} (${code})`);
  }
  if (minDays !== undefined && left < minDays)
    return left < 0
      ? `The certificate expired on ${dateOf(valid_to)}`
      : `The certificate expires in ${left} days, on ${dateOf(valid_to)}`;
  return undefined;
}

/** Node says a code where verification failed, and an error where the name did. */
function codeOf(error: Error | string): string {
  if (typeof error === 'string') return error;
  return (error as { code?: string }).code ?? error.message;
}

function dateOf(instant: string): string {
  return new Date(instant).toISOString().slice(0, 10);
}
