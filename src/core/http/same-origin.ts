interface Headers {
  host?: string | undefined;
  origin?: string | undefined;
  'sec-fetch-site'?: string | string[] | undefined;
  'x-forwarded-host'?: string | string[] | undefined;
}

/**
 * Whether a request comes from a page of another site, which a browser would send with the cookies of this one. Browsers say so by
 * `Sec-Fetch-Site`, and where they do not (http from another host than this machine) by `Origin`; what is no browser sends neither.
 * `X-Forwarded-Host` is what a proxy makes of the Host header: no page can have it sent to another site without being asked first (CORS).
 * @param allowed origins such as `https://portal.example`
 * @returns what it comes from, for people; undefined when it may pass
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

/** Without the port that the scheme has anyway: a proxy that ends TLS leaves none, or another. */
function hostOf(url: string): string | undefined {
  try {
    const { hostname, port } = new URL(url);
    return port === '' || port === '443' ? hostname : `${hostname}:${port}`;
  } catch {
    return undefined;
  }
}
