import { type IncomingMessage, request } from 'node:http';
import { type Connection, type Signal } from '../../network-policy/dial.js';
import { ProbeFailure } from './prober.js';

export interface HttpRequest {
  method: string;
  path: string;
  /** Names in lower case, `host` among them. */
  headers: Record<string, string>;
  body?: string | undefined;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface ExchangeOptions {
  /** Of the body; one that is longer is a `ProbeFailure`. */
  maxBytes: number;
  signal: Signal;
  onHead: () => void;
  onBody: () => void;
}

/**
 * One request over this connection, and its answer. The connection is reset the moment that the exchange is over, and
 * not by who awaits it: by then Node's client has begun to close it in the usual way.
 *
 * By Node's client: one of undici, which is made for many requests over a connection, took a fifth more processor time
 * for a single one.
 * @throws ProbeFailure, the errors of `node:http` and of the connection, the signal's reason
 */
export function exchange(
  connection: Connection,
  { method, path, headers, body }: HttpRequest,
  { maxBytes, signal, onHead, onBody }: ExchangeOptions,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      connection.reset();
      settle();
    };
    const fail = (error: Error): void => end(() => reject(explained(error)));
    const abort = (): void => fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) return abort();
    const outgoing = request({
      createConnection: () => connection.socket,
      method,
      path,
      headers: {
        ...headers,
        // Who closes first is this side, by the reset.
        connection: 'keep-alive',
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      },
    });
    outgoing.on('error', fail);
    outgoing.on('upgrade', ({ headers }) => {
      answered = true;
      onHead();
      end(() => resolve({ status: 101, headers, body: Buffer.alloc(0) }));
    });
    outgoing.on('response', (response) => {
      if (answered) return;
      answered = true;
      onHead();
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) fail(new ProbeFailure(`The answer is longer than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      // Before Node's own listener, which closes the connection.
      response.prependOnceListener('end', () => {
        onBody();
        const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
        end(() => resolve({ status: response.statusCode!, headers: response.headers, body: whole }));
      });
    });
    outgoing.end(body);
  });
}

/** Node calls a connection that was closed in the middle of an answer a reset one; a real reset names the system call. */
function explained(error: Error & { code?: string; syscall?: string }): Error {
  return error.code === 'ECONNRESET' && error.syscall === undefined
    ? new ProbeFailure('The target closed the connection before its answer was complete')
    : error;
}
