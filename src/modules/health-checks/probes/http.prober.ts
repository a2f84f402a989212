import { type Connection, dial } from '../../network-policy/dial.js';
import { type HttpProbe, type ProbeResult } from '../health-check.js';
import { judgeCertificate } from './certificate.js';
import { exchange, type HttpAnswer } from './http-exchange.js';
import { atPointer } from './json-pointer.js';
import { ProbeFailure, type ProbeContext, type Prober } from './prober.js';
import { targetOf } from './target.js';

/** Sent unless the check says otherwise. Compressed bodies would have to be unpacked, a bomb included. */
const OWN_HEADERS = { 'user-agent': 'ctrlplane-workers-health', 'accept-encoding': 'identity' };

interface Answer extends HttpAnswer {
  /** A warning about a certificate that is valid. */
  warning?: string;
}

/**
 * One request over a connection of its own, which is reset afterwards: probes over kept connections said that servers
 * were well which took no new ones, and closed ones left so many ports in TIME_WAIT that none was free (kubelet, 2022).
 */
export class HttpProber implements Prober<HttpProbe> {
  async probe(probe: HttpProbe, context: ProbeContext): Promise<ProbeResult> {
    let url = urlOf(probe, context);
    const first = url.origin;
    let sent = probe;
    for (let followed = 0; ; followed++) {
      const answer = await this.request(url, sent, url.origin === first, context);
      const next = probe.redirects > 0 ? redirectOf(answer, url) : undefined;
      if (!next) return judge(answer, probe, context);
      if (followed === probe.redirects)
        throw new ProbeFailure(`Redirected more than ${probe.redirects} times`);
      sent = redirected(sent, answer, next.origin === first);
      url = next;
    }
  }

  private async request(
    url: URL,
    probe: HttpProbe,
    sameOrigin: boolean,
    { signal, policy, resolve, phases }: ProbeContext,
  ): Promise<Answer> {
    phases.lookingUp = true;
    const secure = url.protocol === 'https:';
    const sent = headersFor(probe, sameOrigin);
    const connection: Connection = await dial({
      host: url.hostname,
      port: Number(url.port) || (secure ? 443 : 80),
      policy,
      resolve,
      signal,
      tls: secure ? { servername: serverNameOf(sent.host, url), alpn: ['http/1.1'] } : undefined,
      onStep: phases.step,
    });
    try {
      const warning = secure ? judgeCertificate(connection.socket, probe.tls) : undefined;
      const answer = await exchange(
        connection,
        {
          method: probe.method,
          path: url.pathname + url.search,
          headers: { host: url.host, ...sent },
          body: probe.body,
        },
        {
          maxBytes: probe.maxBytes,
          signal,
          onHead: () => phases.end('firstByte'),
          onBody: () => phases.end('body'),
        },
      );
      return { ...answer, warning };
    } finally {
      connection.reset();
    }
  }
}

function urlOf(probe: HttpProbe, context: ProbeContext): URL {
  if (probe.url !== undefined) return new URL(probe.url);
  const { host, port } = targetOf({ endpoint: probe.endpoint }, context);
  // Not as a relative reference: `//elsewhere` would be another server, which got the headers.
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}${probe.path ?? '/'}`);
}

/** Who the server is to prove to be: the virtual host that is asked for, or else the URL's. Without a dot at the end. */
function serverNameOf(virtualHost: string | undefined, url: URL): string {
  const asked = `https://${virtualHost}`;
  const { hostname } = virtualHost && URL.canParse(asked) ? new URL(asked) : url;
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname.replace(/\.$/, '');
}

/** To another origin than the check's go none of its headers: any of them may be a secret, whatever it is called. */
function headersFor({ headers }: HttpProbe, sameOrigin: boolean): Record<string, string> {
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return sameOrigin ? { ...OWN_HEADERS, ...own } : OWN_HEADERS;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

function redirectOf({ status, headers }: Answer, from: URL): URL | undefined {
  if (!REDIRECTS.has(status)) return undefined;
  const { location } = headers;
  if (typeof location !== 'string' || !URL.canParse(location, from.href))
    throw new ProbeFailure(`Answered ${status}, a redirect to nowhere`);
  const next = new URL(location, from);
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw new ProbeFailure(`Redirected to ${next.protocol}, which is neither http nor https`);
  return next;
}

/**
 * What is asked after a redirect: as browsers do, a POST becomes a GET but for 307 and 308. Its body may be a secret as
 * much as its headers, and goes to no other server.
 * @throws ProbeFailure when it would have to
 */
function redirected(probe: HttpProbe, { status }: Answer, sameOrigin: boolean): HttpProbe {
  const becomesGet = (status === 303 && probe.method !== 'HEAD') || (status < 303 && probe.method === 'POST');
  if (becomesGet) return { ...probe, method: 'GET', body: undefined };
  if (!sameOrigin && probe.body !== undefined)
    throw new ProbeFailure(`Answered ${status}, a redirect to another server, which does not get the body`);
  return probe;
}

function judge({ status, body, warning }: Answer, probe: HttpProbe, { phases }: ProbeContext): ProbeResult {
  if (!probe.status.some((range) => within(status, range)))
    throw new ProbeFailure(`Answered ${status}, expected ${probe.status.join(', ')}`);
  if (probe.bodyContains !== undefined && !body.includes(probe.bodyContains))
    throw new ProbeFailure(`Answered ${status}, without the expected text in its ${body.length} bytes`);
  if (probe.json.length > 0) judgeJson(body, probe);
  const elapsed = phases.elapsed();
  const slow =
    probe.degradedAbove !== undefined && elapsed > probe.degradedAbove
      ? `Answered ${status}, but took ${Math.round(elapsed)} ms, more than ${probe.degradedAbove} ms`
      : undefined;
  const degraded = warning ?? slow;
  return degraded
    ? { outcome: 'degraded', message: degraded }
    : { outcome: 'success', message: `Answered ${status}` };
}

function within(status: number, range: string): boolean {
  const [from, to = from] = range.split('-').map(Number);
  return status >= from! && status <= to!;
}

function judgeJson(body: Buffer, { json }: HttpProbe): void {
  let document: unknown;
  try {
    // Some servers begin with a byte order mark.
    document = JSON.parse(body.toString().replace(/^\uFEFF/, ''));
  } catch {
    throw new ProbeFailure(`The answer is no JSON (${body.length} bytes)`);
  }
  for (const { pointer, equals } of json) {
    const found = atPointer(document, pointer);
    if (canonical(found) === canonical(equals)) continue;
    // Neither the value found nor a body is shown: either may be a secret of the target.
    throw new ProbeFailure(
      found === undefined
        ? `The answer has nothing at "${pointer}"`
        : `The answer has another value at "${pointer}" than expected`,
    );
  }
}

/** Equal for values that differ in nothing but the order of their keys. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
