import { type RenewalInfo } from '../issuers/certificate-issuer.js';
import { AcmeProblem, AcmeUnreachableError } from '../issuers/acme/acme-problem.js';

/** Gets JSON from a CA, and how long it asks to wait in milliseconds. */
export type GetJson = (url: string, signal: AbortSignal) => Promise<{ body: unknown; retryAfter?: number }>;

/** RFC 9773, 4.3: six hours where the CA does not say, and never more often than each minute or rarer than daily. */
const POLL_AFTER = 6 * 3_600_000;
const SOONEST_POLL = 60_000;
const LATEST_POLL = 24 * 3_600_000;

const EXPLANATION_URL = /^https?:\/\/\S{1,500}$/;

/** Asks a CA when it wants a certificate to be renewed (RFC 9773). */
export class AriClient {
  constructor(
    private readonly getJson: GetJson,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * @param base the directory's `renewalInfo`
   * @returns undefined when the CA does not know the certificate
   * @throws AcmeProblem, AcmeUnreachableError, also for an answer that makes no sense: as if there was none
   */
  async fetch(base: string, ariId: string, signal: AbortSignal): Promise<RenewalInfo | undefined> {
    let answer: Awaited<ReturnType<GetJson>>;
    try {
      answer = await this.getJson(`${base.replace(/\/$/, '')}/${ariId}`, signal);
    } catch (error) {
      if (error instanceof AcmeProblem && (error.status === 404 || error.kind === 'malformed'))
        return undefined;
      throw error;
    }
    const { suggestedWindow, explanationURL } = Object(answer.body) as {
      suggestedWindow?: { start?: unknown; end?: unknown };
      explanationURL?: unknown;
    };
    const start = Date.parse(String(suggestedWindow?.start));
    const end = Date.parse(String(suggestedWindow?.end));
    // 4.2: a window that ends before it begins is treated as if there was no answer.
    if (!(start < end))
      throw new AcmeUnreachableError(
        `the CA's renewal window makes no sense: ${JSON.stringify(suggestedWindow)?.slice(0, 120)}`,
      );
    const wait = Math.min(Math.max(answer.retryAfter ?? POLL_AFTER, SOONEST_POLL), LATEST_POLL);
    return {
      start: new Date(start),
      end: new Date(end),
      ...(typeof explanationURL === 'string' &&
        EXPLANATION_URL.test(explanationURL) && { explanationUrl: explanationURL }),
      pollAt: new Date(this.now() + wait),
    };
  }
}
