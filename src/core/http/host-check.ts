import { type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv4 } from 'node:net';

export interface HostCheckOptions {
  /** Names beside `localhost` and the loopback addresses under which this may be asked, without a port. */
  allow?: readonly string[] | undefined;
}

/**
 * Refuses requests whose Host header names somebody else. A page of any site can let its own name resolve to
 * 127.0.0.1 (DNS rebinding) and then read what listens there as if it were its own; its name is all that gives it away.
 * For an application that only the machine itself may reach:
 *
 *     app.use(hostCheck());
 */
export function hostCheck({ allow = [] }: HostCheckOptions = {}) {
  const allowed = new Set(['localhost', ...allow.map(plain)]);
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const { host } = request.headers;
    if (isAllowedHost(host, allowed)) return next();
    const detail = `The Host header is ${JSON.stringify(host?.slice(0, 255) ?? null)}: ask for localhost, or allow that name`;
    response.writeHead(403, { 'Content-Type': 'application/problem+json; charset=utf-8' });
    response.end(JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403, detail }));
  };
}

/** Whether the header names a loopback address or one of these names, with any port. */
export function isAllowedHost(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  const [, name] = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(header ?? '') ?? [];
  if (!name) return false;
  const host = plain(name);
  return allowed.has(host) || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

/** Names have no case, and may end with the dot of the root. */
function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
