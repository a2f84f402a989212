import { EgressDeniedError } from '../../network-policy/network-policy.errors.js';
import { storableText } from '../../database/text.js';
import { type ProbeOutcome } from '../health-check.js';
import { type PhaseClock } from './phase-clock.js';
import { ProbeCancelledError, ProbeTimeoutError } from './probe.errors.js';
import { ProbeFailure, ProberFault } from './prober.js';

/** What went wrong here and not at the target: it says nothing about the target's health. */
const OWN_FAULTS: Record<string, string> = {
  EMFILE: 'This process has no file descriptor left',
  ENFILE: 'This machine has no file descriptor left',
  ENOBUFS: 'This machine has no buffer left for another socket',
  ENOMEM: 'This machine is out of memory',
  EADDRNOTAVAIL: 'This machine has no local port left',
  ENETDOWN: 'The network of this machine is down',
  EAFNOSUPPORT: 'This machine has no addresses of that kind',
  ENETUNREACH: 'This machine has no route to that network',
  EAI_AGAIN: 'The name server did not answer',
  EAI_MEMORY: 'This machine is out of memory',
  EAI_SYSTEM: 'The name look-up failed on this machine',
  ETIMEOUT: 'The name server did not answer',
  ESERVFAIL: 'The name server could not answer',
  EREFUSED: 'The name server refused to answer',
  EBADRESP: 'The name server answered what cannot be read',
  ECANCELLED: 'The name look-up was cancelled',
};

/** What went wrong at the target, by code. */
const FAILURES: Record<string, string> = {
  ECONNREFUSED: 'Nothing listens there: the connection was refused',
  ECONNRESET: 'The target reset the connection',
  EPIPE: 'The target closed the connection',
  EHOSTUNREACH: 'The host cannot be reached',
  ETIMEDOUT: 'The host did not answer the connection',
  ENOTFOUND: 'There is no such name',
  ENODATA: 'The name has no address',
  EAI_NODATA: 'The name has no address',
  EPROTO: 'The target does not speak TLS as it should',
  ERR_SSL_WRONG_VERSION_NUMBER: 'The target does not speak TLS',
  HPE_INVALID_CONTENT_LENGTH: 'The answer is not as long as its headers say',
  HPE_UNEXPECTED_CONTENT_LENGTH: 'The answer is not as long as its headers say',
  HPE_HEADER_OVERFLOW: 'The headers of the answer are too long',
};

/** What a code of Node says of the target; undefined where it says nothing, or something of this machine. */
export function failureOf(code: string): string | undefined {
  return FAILURES[code] && `${FAILURES[code]} (${code})`;
}

/** A thrown error as a result: whose fault it is, and what a person is told. */
export function explain(
  error: unknown,
  phases: PhaseClock,
): { outcome: Extract<ProbeOutcome, 'failure' | 'unknown'>; message: string } {
  if (error instanceof ProberFault) return { outcome: 'unknown', message: error.message };
  if (error instanceof ProbeFailure) return { outcome: 'failure', message: error.message };
  if (error instanceof EgressDeniedError) return { outcome: 'failure', message: error.message };
  if (error instanceof ProbeCancelledError) return { outcome: 'unknown', message: error.message };
  if (error instanceof ProbeTimeoutError) {
    const inLookup = phases.phases.lookup === undefined && phases.lookingUp;
    return inLookup
      ? { outcome: 'unknown', message: `The name server did not answer within ${error.timeout} ms` }
      : {
          outcome: 'failure',
          message: `No result within ${error.timeout} ms: waited for ${phases.waitingFor()}`,
        };
  }
  for (const code of codesOf(error)) {
    if (OWN_FAULTS[code]) return { outcome: 'unknown', message: `${OWN_FAULTS[code]} (${code})` };
    // A name server of ours that refuses is ours, a target that does is not.
    if (code === 'ECONNREFUSED' && syscallOf(error).startsWith('query'))
      return { outcome: 'unknown', message: `The name server is not there (${code})` };
    const failure = failureOf(code);
    if (failure !== undefined) return { outcome: 'failure', message: failure };
    if (code.startsWith('HPE_')) return { outcome: 'failure', message: `The answer is no HTTP (${code})` };
    if (code.startsWith('ERR_SSL')) return { outcome: 'failure', message: `TLS failed (${code})` };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { outcome: 'failure', message: storableText(message).slice(0, 500) };
}

/** The error's code, its cause's, and those of the errors that it gathers. */
function codesOf(error: unknown): string[] {
  if (typeof error !== 'object' || error === null) return [];
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  const gathered = Array.isArray(errors) ? errors.flatMap(codesOf) : [];
  const own = typeof code === 'string' ? [code] : [];
  // What it was caused by says more.
  return [...codesOf(cause), ...own, ...gathered];
}

function syscallOf(error: unknown): string {
  const { syscall } = error as { syscall?: unknown };
  return typeof syscall === 'string' ? syscall : '';
}
