import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** What a token is good for: `write` includes `read`. */
export type Right = 'read' | 'write';

/** Twelve hours: a working day. Milliseconds. */
export const SESSION_LENGTH = 12 * 3_600_000;

/** How the cookie is called. One name for all paths: its path tells those of several applications on a host apart. */
export const SESSION_COOKIE = 'ctrlplane_workers_session';

const FORM = /^(\d{1,16})\.([\w-]{43})$/;

/**
 * What the cookie of a session says: until when, and proof that its maker had the token. No server keeps it: any replica that has the
 * token can read it, and another token ends all sessions.
 */
export function sealSession(token: string, until: number): string {
  return `${until}.${sealOf(token, until)}`;
}

/** Whether this is the session of that token, and has not ended. */
export function isSession(value: string, token: string, now: number): boolean {
  const [, until, seal] = FORM.exec(value) ?? [];
  if (until === undefined || seal === undefined) return false;
  return same(seal, sealOf(token, Number(until))) && Number(until) > now;
}

/** Takes as long whatever differs, the length included. */
export function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** The cookie of that name, of all that the header has. */
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
