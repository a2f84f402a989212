import { type AriState, type IssuedSummary, type RenewalState } from '../../certificates/certificate.js';
import { omit } from '../../input/omit.js';
import { type RenewalInfo } from '../../certificates/issuers/certificate-issuer.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Certificates of shorter lives are renewed at half of it: two thirds would leave too little for an outage. */
const SHORT_LIFETIME = 10 * DAY;

/** The last part of a lifetime, in which nothing but the end of it counts. */
const CRITICAL_PART = 1 / 20;

/** Waits after the first failures in a row; later ones are the longest. */
const WAITS = [MINUTE, 10 * MINUTE, 100 * MINUTE];
const LONGEST_WAIT = DAY;
/** No wait takes more than this part of what is left: a day would lose a certificate of six to an outage of two. */
const PART_OF_REMAINING = 1 / 10;
/** However little is left. CAs allow five failed validations of a name an hour. */
const SHORTEST_CAPPED_WAIT = 15 * MINUTE;

/** Waits vary by so much, or what failed together would try again together. */
const JITTER = 0.1;

/** A certificate is not renewed at its CA's word before it is so old: the CA may say the same of the next one. */
const YOUNGEST_PART = 1 / 50;
const YOUNGEST = 4 * HOUR;

type Lifetime = Pick<IssuedSummary, 'notBefore' | 'notAfter'>;

/** When to renew what a CA says nothing of: at 2/3 of its actual lifetime, or half of a short one. */
export function defaultRenewal({ notBefore, notAfter }: Lifetime): Date {
  const lifetime = notAfter.getTime() - notBefore.getTime();
  return new Date(notBefore.getTime() + lifetime * (lifetime < SHORT_LIFETIME ? 1 / 2 : 2 / 3));
}

/** From when on a certificate is critical, and renewed whatever else is said. */
export function criticalFrom({ notBefore, notAfter }: Lifetime): Date {
  return new Date(notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) * CRITICAL_PART);
}

/**
 * What is kept of the CA's word: the moment that was chosen stays while the window does, as each replica and each poll
 * would choose another one, and the earliest would win.
 * @param random from 0 up to 1
 */
export function withRenewalInfo(
  state: RenewalState,
  info: RenewalInfo | undefined,
  random: number,
): RenewalState {
  const rest = omit(state, 'ari', 'ariPollAt');
  const was = state.ari;
  if (!info) return rest;
  const { start, end, explanationUrl, pollAt } = info;
  const same = was?.start.getTime() === start.getTime() && was.end.getTime() === end.getTime();
  const chosen = new Date(start.getTime() + (end.getTime() - start.getTime()) * random);
  const ari: AriState = {
    start,
    end,
    renewAt: same ? was.renewAt : chosen,
    ...(explanationUrl !== undefined && { explanationUrl }),
  };
  return { ...rest, ari, ariPollAt: pollAt };
}

/** When a certificate is due for renewal: at the instant chosen in the CA's window, or else by its lifetime. */
export function renewalOf(lifetime: Lifetime, { ari }: RenewalState): Date {
  if (!ari) return defaultRenewal(lifetime);
  const { notBefore, notAfter } = lifetime;
  const youngest = Math.min(YOUNGEST, (notAfter.getTime() - notBefore.getTime()) * YOUNGEST_PART);
  const planned = Math.max(ari.renewAt.getTime(), notBefore.getTime() + youngest);
  return new Date(Math.min(planned, criticalFrom(lifetime).getTime()));
}

/**
 * How much of what a CA asks to wait is waited, in milliseconds: no more than half of what is left, nor than a day. What
 * it says may be a mistake, of years, and to be told once more costs nothing.
 * @param remaining as of `waitAfter`
 */
export function longestAsked(remaining: number | undefined): number {
  if (remaining === undefined) return LONGEST_WAIT;
  return Math.min(Math.max(remaining / 2, SHORTEST_CAPPED_WAIT), LONGEST_WAIT);
}

/**
 * Milliseconds until the next attempt, after this many failures in a row.
 * @param remaining milliseconds that the certificate is still valid; undefined when there is none yet
 * @param random from 0 up to 1
 */
export function waitAfter(failures: number, remaining: number | undefined, random: number): number {
  const wait = WAITS[failures - 1] ?? LONGEST_WAIT;
  // Nothing is served as long as there is none: an hour is what such a name can wait.
  const most = remaining === undefined ? HOUR : Math.max(remaining * PART_OF_REMAINING, SHORTEST_CAPPED_WAIT);
  return Math.min(wait, most) * (1 + JITTER * (2 * random - 1));
}
