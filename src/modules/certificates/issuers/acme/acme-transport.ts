import { AsyncLocalStorage } from 'node:async_hooks';
import { rootCertificates } from 'node:tls';
import acme from 'acme-client';
import { Agent, request } from 'undici';
import { AcmeProblem, AcmeUnreachableError, parseRetryAfter, type ProblemDocument } from './acme-problem.js';
import { timeoutSignal } from '../../../../core/timing/timer.js';

export interface AcmeTransportOptions {
  /** PEM of CAs that the server's own TLS certificate may come from, beside the public ones. */
  trust?: string | undefined;
  /** Milliseconds for one request. */
  timeout: number;
}

/** What acme-client hands to its HTTP adapter, as far as it is used here. */
interface RequestConfig {
  url?: string;
  method?: string;
  data?: unknown;
  headers: { toJSON(): Record<string, unknown> };
}

/** No answer of an ACME server is longer. */
const LONGEST_ANSWER = 1_000_000;
const MOST_REDIRECTS = 5;
const MOST_NONCES = 100;
/** Servers forget nonces; one that is refused costs a request. */
const NONCE_AGE = 120_000;

const USER_AGENT = 'ctrlplane-workers (acme-client)';

/** Whose requests these are. acme-client has one HTTP client for the whole process, which others may use as well. */
const current = new AsyncLocalStorage<{ transport: AcmeTransport; signal: AbortSignal }>();

acme.axios.interceptors.request.use((config) => {
  const scope = current.getStore();
  if (scope) config.adapter = (adapted) => scope.transport.send(adapted, scope.signal) as never;
  return config;
});

/**
 * Carries the requests of acme-client, in the place of its own HTTP client. That one repeats what failed by itself,
 * for as long as a Retry-After says, which may be hours; tells errors by their text alone; cannot be aborted; and asks
 * for a nonce before each request, where every answer brings one.
 */
export class AcmeTransport {
  private readonly agent: Agent;
  private readonly nonces: { nonce: string; at: number }[] = [];
  /** Milliseconds that the last answer asked to wait, by URL. */
  private readonly waits = new Map<string, number>();

  constructor(private readonly options: AcmeTransportOptions) {
    const ca = options.trust === undefined ? undefined : [...rootCertificates, options.trust];
    this.agent = new Agent({
      connect: { ca, timeout: options.timeout },
      keepAliveTimeout: 10_000,
      connections: 32,
    });
  }

  /** Runs what calls acme-client. */
  run<T>(signal: AbortSignal, fn: () => Promise<T>): Promise<T> {
    return current.run({ transport: this, signal }, fn);
  }

  /** Milliseconds that the last answer from there asked to wait. */
  waitFor(url: string): number | undefined {
    const wait = this.waits.get(url);
    this.waits.delete(url);
    return wait;
  }

  /** An answer as JSON, without a signature: the directory, renewal information. */
  async getJson(url: string, signal: AbortSignal): Promise<{ body: unknown; retryAfter?: number }> {
    const answer = await this.exchange(url, 'GET', undefined, {}, signal);
    if (answer.status >= 400) throw this.problem(answer);
    try {
      return { body: JSON.parse(answer.text), retryAfter: answer.retryAfter };
    } catch {
      throw new AcmeUnreachableError(`the CA's answer is no JSON: ${answer.text.slice(0, 60)}`);
    }
  }

  async send(config: RequestConfig, signal: AbortSignal): Promise<unknown> {
    const { url = '', method = 'get', data } = config;
    if (method === 'head') {
      const nonce = this.takeNonce();
      if (nonce) return { data: '', status: 200, statusText: '', headers: { 'replay-nonce': nonce }, config };
    }
    const headers = { 'content-type': 'application/jose+json', ...acceptOf(config) };
    const answer = await this.exchange(url, method.toUpperCase(), data as string, headers, signal);
    const nonce = answer.headers['replay-nonce'];
    const badNonce = answer.status === 400 && answer.text.includes(':badNonce');
    if (nonce && method === 'post' && !badNonce) this.keepNonce(nonce);
    if (answer.retryAfter !== undefined) this.waits.set(url, answer.retryAfter);
    // acme-client repeats these by itself, with the nonce that came with the refusal.
    if (answer.status >= 400 && !badNonce) throw this.problem(answer);
    return { data: answer.text, status: answer.status, statusText: '', headers: answer.headers, config };
  }

  close(): Promise<void> {
    return this.agent.close();
  }

  private async exchange(
    url: string,
    method: string,
    body: string | undefined,
    headers: Record<string, string>,
    signal: AbortSignal,
    redirects = 0,
  ): Promise<Answer> {
    let answer: Answer;
    try {
      const {
        statusCode,
        headers: received,
        body: content,
      } = await request(url, {
        method: method as 'GET',
        body: body || undefined,
        headers: { 'user-agent': USER_AGENT, ...headers },
        dispatcher: this.agent,
        signal: AbortSignal.any([signal, timeoutSignal(this.options.timeout)]),
      });
      const flat = Object.fromEntries(
        Object.entries(received).map(([name, value]) => [name, [value].flat().join(', ')]),
      );
      const retryAfter = parseRetryAfter(flat['retry-after'], Date.now());
      answer = { status: statusCode, headers: flat, text: await textOf(content), retryAfter };
    } catch (error) {
      signal.throwIfAborted();
      throw new AcmeUnreachableError(`the CA cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
    const { location } = answer.headers;
    // A directory that has moved. A signed request names its URL, and cannot follow.
    if (method === 'GET' && answer.status >= 301 && answer.status <= 308 && location) {
      if (redirects === MOST_REDIRECTS) throw new AcmeUnreachableError('the CA redirects without an end');
      return this.exchange(new URL(location, url).href, method, body, headers, signal, redirects + 1);
    }
    return answer;
  }

  private problem({ text, status, retryAfter }: Answer): AcmeProblem {
    let document: ProblemDocument;
    try {
      document = Object(JSON.parse(text)) as ProblemDocument;
    } catch {
      document = { detail: status >= 500 ? undefined : text.slice(0, 200) };
    }
    return new AcmeProblem(status, document, retryAfter);
  }

  private keepNonce(nonce: string): void {
    this.nonces.push({ nonce, at: performance.now() });
    if (this.nonces.length > MOST_NONCES) this.nonces.shift();
  }

  private takeNonce(): string | undefined {
    for (;;) {
      const kept = this.nonces.pop();
      if (!kept) return undefined;
      if (performance.now() - kept.at < NONCE_AGE) return kept.nonce;
      this.nonces.length = 0;
    }
  }
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  retryAfter: number | undefined;
}

function acceptOf({ headers }: RequestConfig): Record<string, string> {
  const { Accept: accept } = headers.toJSON();
  return typeof accept === 'string' ? { accept } : {};
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > LONGEST_ANSWER) throw new Error(`its answer is longer than ${LONGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return message || code || String(error);
}
