interface Headers {
  host?: string | undefined;
  origin?: string | undefined;
  'sec-fetch-site'?: string | string[] | undefined;
  'x-forwarded-host'?: string | string[] | undefined;
}

/**
 * Detects a request from a page of another site, which a browser would send with this site's cookies. Browsers send
 * `Sec-Fetch-Site`, or without it (http from another host than this machine) `Origin`; other clients send neither. A
 * proxy sets `X-Forwarded-Host` from the Host header: a page cannot send it to another site without a preflight request
 * (CORS).
 * @param allowed origins such as `https://portal.example`
 * @returns the foreign origin, for messages; undefined when the request is allowed
 */
export function foreignOrigin(headers: Headers, allowed: readonly string[]): string | undefined {
  const { origin, host } = headers;
  if (origin !== undefined && allowed.includes(origin)) return undefined;
  const site = headers['sec-fetch-site'];
  if (site !== undefined)
    return site === 'same-origin' || site === 'none' ? undefined : (origin ?? String(site));
  if (origin === undefined) return undefined;
  const forwarded = [headers['x-forwarded-host']].flat()[0]?.split(',')[0]?.trim();
  const own = [host, forwarded].filter((name) => name !== undefined).map((name) => hostOf(`http://${name}`));
  const from = hostOf(origin);
  return from !== undefined && own.includes(from) ? undefined : origin;
}

/** Host and port, without the default ports: behind a proxy that terminates TLS the Host header has no port, or another. */
function hostOf(url: string): string | undefined {
  try {
    const { hostname, port } = new URL(url);
    return port === '' || port === '443' ? hostname : `${hostname}:${port}`;
  } catch {
    return undefined;
  }
}
