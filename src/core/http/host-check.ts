import { type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv4 } from 'node:net';

export interface HostCheckOptions {
  /** Allowed host names besides `localhost` and the loopback addresses, without a port. */
  allow?: readonly string[] | undefined;
}

/**
 * Refuses requests whose Host header has a name that is not allowed. Any site can let its own name resolve to 127.0.0.1
 * (DNS rebinding), and its pages can then read what listens there; only the Host header shows it. For an application that
 * only the machine itself may reach:
 *
 *     app.use(hostCheck());
 */
export function hostCheck({ allow = [] }: HostCheckOptions = {}) {
  const allowed = new Set(['localhost', ...allow.map(plain)]);
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const { host } = request.headers;
    // Node uses the first of several, and a proxy in front may have used another (RFC 9112, 3.2).
    if (request.rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name)).length > 1)
      return refuse(response, 400, 'Bad Request', 'There is more than one Host header: send one');
    // A request target with a host of its own, as for a proxy, overrides the header.
    const [, authority] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(request.url ?? '') ?? [];
    const asked = authority === undefined ? [host] : [authority, host];
    if (asked.every((name) => isAllowedHost(name, allowed))) return next();
    const wrong = asked.find((name) => !isAllowedHost(name, allowed));
    const named = JSON.stringify(wrong?.slice(0, 255) ?? null);
    refuse(response, 403, 'Forbidden', `The Host header is ${named}: ask for localhost, or allow that name`);
  };
}

function refuse(response: ServerResponse, status: number, title: string, detail: string): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json; charset=utf-8' });
  response.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
}

/** Whether the header names a loopback address or one of these names, with any port, which may be empty (RFC 3986, 3.2.3). */
export function isAllowedHost(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  const [, name] = /^(\[[^\]]*\]|[^:]*)(?::\d{0,5})?$/.exec(header ?? '') ?? [];
  if (!name) return false;
  const host = plain(name);
  return allowed.has(host) || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}

/** Names are case-insensitive, and may end with the dot of the root. */
function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
