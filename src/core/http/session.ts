import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** The right of a token; `write` includes `read`. */
export type Right = 'read' | 'write';

/** Length of a session in milliseconds: twelve hours. */
export const SESSION_LENGTH = 12 * 3_600_000;

/** Name of the cookie. Its path distinguishes the cookies of several applications on one host. */
export const SESSION_COOKIE = 'ctrlplane_workers_session';

const FORM = /^(\d{1,16})\.([\w-]{43})$/;

/**
 * The value of a session's cookie: its end, and a signature by the token. It is not stored: any replica with the token
 * can check it, and a new token ends all sessions.
 */
export function sealSession(token: string, until: number): string {
  return `${until}.${sealOf(token, until)}`;
}

/** Whether the value is a session of that token that has not ended. */
export function isSession(value: string, token: string, now: number): boolean {
  const [, until, seal] = FORM.exec(value) ?? [];
  if (until === undefined || seal === undefined) return false;
  return same(seal, sealOf(token, Number(until))) && Number(until) > now;
}

/** When it ends, in milliseconds since the epoch. Of a value that `isSession`. */
export function sessionEnd(value: string): number {
  return Number(FORM.exec(value)?.[1]);
}

/** Compares in constant time, also for texts of different lengths. */
export function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** The value of the first cookie with that name in the header. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const [key, value] = part.split('=', 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}

function sealOf(token: string, until: number): string {
  const key = hkdfSync('sha256', token, '', 'ctrlplane-workers session', 32);
  return createHmac('sha256', Buffer.from(key)).update(String(until)).digest('base64url');
}
