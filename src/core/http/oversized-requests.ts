import { type Server, STATUS_CODES } from 'node:http';
import { type Socket } from 'node:net';
import { HttpException, HttpStatus } from '@nestjs/common';
import { problemOf } from './problem.js';

interface ClientError extends Error {
  readonly code?: string;
  /** What has arrived, from the beginning of the request. */
  readonly rawPacket?: Buffer;
}

/** Of a target that is longer than this, it is the target that is too long, and not the headers (RFC 9110, 4.1). */
const LONGEST_TARGET = 8_000;

/**
 * Answers with problem details requests whose target or headers are longer than Node reads (16 KiB), where `isOwn` says so.
 * Node tells of them by the event `clientError` alone, and a listener would take over the answers to all broken requests:
 * so the event is kept from the listeners, and from Node's own answer, for those that are answered here.
 */
export function answerOversized(server: Server, isOwn: (method: string, url: string) => boolean): void {
  const emit = server.emit.bind(server) as (event: string, ...values: unknown[]) => boolean;
  server.emit = (event: string, ...values: unknown[]) => {
    const [error, socket] = values as [ClientError, Socket];
    return event === 'clientError' && answer(error, socket, isOwn) ? true : emit(event, ...values);
  };
}

function answer(
  { code, rawPacket }: ClientError,
  socket: Socket,
  isOwn: Parameters<typeof answerOversized>[1],
): boolean {
  if (code !== 'HPE_HEADER_OVERFLOW' || !rawPacket || !socket.writable) return false;
  const [, method, url] = /^([A-Z]+) (\S+)/.exec(rawPacket.toString('latin1')) ?? [];
  if (!method || !url || !isOwn(method, url.slice(0, LONGEST_TARGET))) return false;
  const [status, detail] =
    url.length > LONGEST_TARGET
      ? [HttpStatus.URI_TOO_LONG, 'The address is too long']
      : [431, 'The headers are too long'];
  const body = JSON.stringify(problemOf(new HttpException(detail, status)));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
  return true;
}
