import { timeoutSignal } from '../core/timing/timer.js';
import { CommandError, EXIT } from './exit-codes.js';

/** Milliseconds for an answer. */
const PATIENCE = 30_000;

/** Where the application is, and who asks. */
export interface ApiOptions {
  url: string;
  token: string | undefined;
  actor: string | undefined;
}

/** The parameters of a request; those that are undefined are left out. */
export type Parameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** Asks an application over HTTP, and ends the command when it does not do what it is asked. */
export class ApiClient {
  private readonly base: URL;
  private readonly headers: Readonly<Record<string, string>>;

  /** @throws CommandError for an address that is none */
  constructor({ url, token, actor }: ApiOptions) {
    const base = URL.canParse(url) ? new URL(url) : undefined;
    const login = base && loginOf(base);
    if (!base || !/^https?:$/.test(base.protocol))
      throw new CommandError(
        `--url ${withoutLogin(url)}: give an address such as http://127.0.0.1:3000`,
        EXIT.usage,
      );
    base.search = base.hash = base.username = base.password = '';
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    if (token !== undefined && !/^[\x20-\x7e]*$/.test(token))
      throw new CommandError(
        'The token has characters that no header carries: look how it was copied',
        EXIT.usage,
      );
    this.base = base;
    this.headers = {
      ...(login !== undefined && { authorization: login }),
      ...(token !== undefined &&
        (login === undefined ? { authorization: `Bearer ${token}` } : { 'x-workers-token': token })),
      ...(actor !== undefined && { 'x-workers-actor': headerOf(actor) }),
    };
  }

  get<T>(path: string, parameters: Parameters = {}): Promise<T> {
    return this.ask<T>('GET', path, parameters);
  }

  /** @param patience milliseconds, beyond what an answer takes anyway */
  post<T>(path: string, parameters: Parameters = {}, body?: unknown, patience = 0): Promise<T> {
    return this.ask<T>('POST', path, parameters, body, patience);
  }

  delete<T>(path: string): Promise<T> {
    return this.ask<T>('DELETE', path, {});
  }

  /** An answer that goes on. */
  async stream(path: string, signal: AbortSignal): Promise<ReadableStream<string>> {
    const answer = await this.fetch('GET', path, {}, undefined, signal);
    if (!answer.ok) throw await refusal(answer);
    return answer.body!.pipeThrough(new TextDecoderStream());
  }

  /** The answer as it comes, whatever its status. */
  async head(path: string): Promise<Response> {
    return this.fetch('GET', path, {}, undefined, timeoutSignal(PATIENCE));
  }

  private async ask<T>(
    method: string,
    path: string,
    parameters: Parameters,
    body?: unknown,
    patience = 0,
  ): Promise<T> {
    const answer = await this.fetch(method, path, parameters, body, timeoutSignal(PATIENCE + patience));
    if (!answer.ok) throw await refusal(answer);
    if (answer.status === 204) return undefined as T;
    const text = await answer.text();
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new CommandError(
        `${answer.url} answers with something else than JSON: is --url the address of the application, with its prefix?`,
        EXIT.unavailable,
      );
    }
  }

  private async fetch(
    method: string,
    path: string,
    parameters: Parameters,
    body: unknown,
    signal: AbortSignal,
  ): Promise<Response> {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(parameters))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const headers = { ...this.headers, ...(body !== undefined && { 'content-type': 'application/json' }) };
    try {
      return await fetch(url, {
        method,
        headers,
        signal,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new CommandError(`${this.base.href} cannot be reached: ${reasonOf(error)}`, EXIT.unavailable);
    }
  }
}

/** What a proxy in front of the application asks for, if the address has it: `https://name:password@…`. */
function loginOf({ username, password }: URL): string | undefined {
  if (!username && !password) return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  } catch {
    throw new CommandError(
      '--url has a name or password with a % that escapes nothing: write %25',
      EXIT.usage,
    );
  }
}

/** In UTF-8, which is read as such; a line break would begin another header. */
function headerOf(text: string): string {
  return Buffer.from(text.replace(/\p{Cc}/gu, ' '), 'utf8').toString('latin1');
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/.*@/, '//…@');
}

/** Segments of a path from anybody's text. */
export function pathOf(...segments: string[]): string {
  return segments.map(encodeURIComponent).join('/');
}

async function refusal(answer: Response): Promise<CommandError> {
  const text = await answer.text().catch(() => '');
  const message = detailOf(text) ?? `${answer.url} answers ${answer.status} ${answer.statusText}`;
  return new CommandError(message, exitCodeOf(answer.status));
}

function exitCodeOf(status: number): number {
  if ([401, 403, 429].includes(status)) return EXIT.denied;
  return status >= 500 ? EXIT.unavailable : EXIT.refused;
}

function detailOf(text: string): string | undefined {
  try {
    const { detail, message, title } = JSON.parse(text) as Record<string, unknown>;
    return [detail, message, title].find((part): part is string => typeof part === 'string');
  } catch {
    return undefined;
  }
}

/** `fetch failed` says nothing; its cause does, which may gather several. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } };
  return cause?.message || cause?.code || message || String(error);
}
