import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { selfSigned } from '../../../../test/support/certificates.js';
import { listening } from '../../../../test/support/ports.js';
import { newId } from '../../ids/typed-id.js';
import { resolveBySystem, type Resolve } from '../../network-policy/dial.js';
import { EgressPolicy } from '../../network-policy/egress-policy.js';
import { parseHealthCheck } from '../health-check-input.js';
import { type HealthCheckers } from '../health-checkers.js';
import { Probes } from './probes.js';

/** Loopback but for one address, which nobody may reach. */
const policy = new EgressPolicy({ allow: ['127.0.0.1'] });
const TIMEOUT = 1_000;
const ends: (() => unknown)[] = [];

async function run(
  probe: object,
  { resolve = resolveBySystem, timeout = TIMEOUT }: { resolve?: Resolve; timeout?: number } = {},
) {
  const request = { name: 'x', probe, interval: '10s', timeout } as never;
  const settings = parseHealthCheck(request, { hasInstance: false, checkers: [] });
  const now = new Date();
  const check = {
    ...settings,
    id: newId('healthCheck'),
    tenantId: newId('tenant'),
    revision: 1,
    createdAt: now,
    updatedAt: now,
  };
  const checkers = { find: () => undefined } as unknown as HealthCheckers;
  const probes = new Probes({ policy, resolve, checkers, pushState: async () => undefined });
  try {
    const { outcome, message, duration } = await probes.run(check);
    return { outcome, message, duration };
  } finally {
    probes.close();
  }
}

async function tcp(talk: (socket: Socket) => void, allowHalfOpen = false): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcp({ allowHalfOpen }, (socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    talk(socket);
  });
  const port = await listening(server);
  ends.push(
    () => sockets.forEach((socket) => socket.destroy()),
    () => server.close(),
  );
  return `127.0.0.1:${port}`;
}

async function http(listener: RequestListener): Promise<string> {
  const server = createHttp(listener);
  const port = await listening(server);
  ends.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return `http://127.0.0.1:${port}`;
}

/** Sends this once it has been asked. */
const answering =
  (...parts: string[]) =>
  (socket: Socket) =>
    void socket.once('data', () => parts.forEach((part) => socket.write(part, 'latin1')));
const at = (address: string, more: object = {}) => ({ type: 'http', url: `http://${address}/`, ...more });
const UNDERSTANDABLE = /^[A-Z"][^\n]{8,300}$/;

describe('probes of hostile servers', () => {
  afterEach(() => {
    for (const end of ends.splice(0).reverse()) end();
  });

  const OK = 'HTTP/1.1 200 OK\r\n';
  it.each<[string, (socket: Socket) => void, RegExp]>([
    [
      'two lengths',
      answering(`${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`),
      /is not as long as its headers say/,
    ],
    [
      'a length and chunks',
      answering(`${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
      /is no HTTP/,
    ],
    ['a negative length', answering(`${OK}Content-Length: -1\r\n\r\n`), /is not as long as its headers say/],
    [
      'a length beyond all numbers',
      answering(`${OK}Content-Length: ${'9'.repeat(30)}\r\n\r\n`),
      /is not as long as its headers say/,
    ],
    ['a chunk that is none', answering(`${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n`), /is no HTTP/],
    [
      'a chunk beyond all numbers',
      answering(`${OK}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\nab`),
      /is no HTTP/,
    ],
    ['NUL in a header', answering(`${OK}X-A: a\0b\r\n\r\n`), /is no HTTP/],
    ['a header without a name', answering(`${OK}: a\r\n\r\n`), /is no HTTP/],
    ['HTTP/0.9', answering('<html>hello</html>'), /is no HTTP/],
    ['another version', answering('HTTP/7.3 200 OK\r\n\r\n'), /is no HTTP/],
    ['a status of four digits', answering('HTTP/1.1 2000 OK\r\n\r\n'), /is no HTTP/],
    [
      'headers without end',
      (socket) => {
        socket.once('data', () => {
          socket.write(OK);
          const more = (): void =>
            void (
              socket.destroyed || socket.write(`X-A: ${'a'.repeat(1_000)}\r\n`, () => setImmediate(more))
            );
          more();
        });
      },
      /headers of the answer are too long/,
    ],
    [
      'informational answers without end',
      (socket) => {
        socket.once('data', () => {
          const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'), 10);
          socket.on('close', () => clearInterval(timer));
        });
      },
      /waited for an answer|closed the connection|is no HTTP/,
    ],
    [
      'a switch of protocols that nobody asked for',
      answering('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
      /^Answered 101, expected 200-299$/,
    ],
    [
      'half of a body',
      (socket) => void socket.once('data', () => socket.end(`${OK}Content-Length: 10\r\n\r\nabc`)),
      /before its answer was complete/,
    ],
    [
      'an end in the middle of the headers',
      (socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nX-A')),
      /before its answer was complete|is no HTTP/,
    ],
  ])('by http fail, in time and in words: %s', async (_, talk, message) => {
    const found = await run(at(await tcp(talk)));
    expect([found.outcome, found.message]).toEqual(['failure', expect.stringMatching(message)]);
    expect(found.message).toMatch(UNDERSTANDABLE);
  });

  it('by http fail at one that ends its half of the connection at once', async () => {
    const found = await run(at(await tcp((socket) => socket.end(), true)));
    expect([found.outcome, found.message]).toEqual([
      'failure',
      expect.stringContaining('before its answer was complete'),
    ]);
  });

  it('take one answer, and not what is smuggled in behind it', async () => {
    const two = `${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n`;
    expect((await run(at(await tcp(answering(two)), { bodyContains: 'ok' }))).outcome).toBe('success');
    expect((await run(at(await tcp(answering(two)), { bodyContains: '500' }))).outcome).toBe('failure');
  });

  it('unpack no bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 ** 2));
    const url = await http((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    const before = process.memoryUsage().rss;
    expect((await run({ type: 'http', url }, { timeout: 10_000 })).outcome).toBe('success');
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 ** 2);
  });

  it.each([
    ['file:///etc/passwd', 'neither http nor https'],
    ['javascript:alert(1)', 'neither http nor https'],
    ['ftp://127.0.0.1/', 'neither http nor https'],
    ['http://', 'a redirect to nowhere'],
    ['//169.254.169.254/latest', 'egress policy'],
    ['http://2130706434/', 'egress policy'],
    ['http://0x7f000002/', 'egress policy'],
    ['http://0177.0.0.2/', 'egress policy'],
    ['http://127.2/', 'egress policy'],
    ['http://0/', 'egress policy'],
    ['http://[::]/', 'egress policy'],
    ['http://[::ffff:127.0.0.2]/', 'egress policy'],
    ['http://[::ffff:7f00:2]/', 'egress policy'],
    ['http://[64:ff9b::7f00:2]/', 'egress policy'],
    ['http://[fd00:ec2::254]/', 'egress policy'],
    ['http://①②⑦.0.0.2/', 'egress policy'],
  ])('follow no redirect to %s', async (location, message) => {
    const url = await http((_, response) => {
      response.writeHead(302, { location: Buffer.from(location).toString('latin1') }).end();
    });
    const found = await run({ type: 'http', url });
    // A header is bytes: what is no ASCII may be no URL either.
    if (/^[\x21-\x7e]*$/.test(location)) expect(found.message).toContain(message);
    expect(found.outcome).toBe('failure');
  });

  it('send neither body nor headers to where they are redirected, unless it is the same server', async () => {
    const heard: string[] = [];
    const note =
      (name: string): RequestListener =>
      (request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
        request.on('end', () => {
          heard.push(`${name} ${request.method} ${request.headers['x-key'] ?? '-'} ${body || '-'}`);
          const status = Number(request.url!.slice(1));
          if (status >= 300) response.writeHead(status, { location: `${other}/200` }).end();
          else response.end();
        });
      };
    const other: string = await http(note('other'));
    const url = await http(note('own'));
    const probe = { type: 'http', method: 'POST', body: 'hunter2', headers: { 'X-Key': 'hunter2' } };
    expect((await run({ ...probe, url: `${url}/303` })).outcome).toBe('success');
    expect((await run({ ...probe, url: `${url}/302` })).outcome).toBe('success');
    expect(await run({ ...probe, url: `${url}/307` })).toMatchObject({
      outcome: 'failure',
      message: expect.stringContaining('another server'),
    });
    expect(heard).toEqual([
      'own POST hunter2 hunter2',
      'other GET - -',
      'own POST hunter2 hunter2',
      'other GET - -',
      'own POST hunter2 hunter2',
    ]);
    heard.length = 0;
    const same = await http((request, response) => {
      if (request.url === '/') response.writeHead(308, { location: '/200' }).end();
      else note('same')(request, response);
    });
    expect((await run({ ...probe, url: same })).outcome).toBe('success');
    expect(heard).toEqual(['same POST hunter2 hunter2']);
  });

  it('go to the addresses of a name that they may, though it has others', async () => {
    const url = new URL(await http((_, response) => response.end()));
    const resolve: Resolve = async () => [
      { address: '10.0.0.1', family: 4 },
      { address: '::ffff:127.0.0.2', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ];
    const found = await run({ type: 'http', url: `http://mixed.example.com:${url.port}/` }, { resolve });
    expect(found.outcome).toBe('success');
  });

  it.each<[string, Resolve, string, string]>([
    ['none', async () => [], 'failure', 'The name has no address'],
    ['what is no address', async () => [{ address: 'localhost', family: 4 }], 'failure', 'egress policy'],
    [
      'nothing but private ones',
      async () => [
        { address: '10.0.0.1', family: 4 },
        { address: 'fd00::1', family: 6 },
      ],
      'failure',
      'is 10.0.0.1, which is',
    ],
  ])('say what is wrong with a name that has %s', async (_, resolve, outcome, message) => {
    for (const probe of [
      { type: 'http', url: 'http://odd.example.com/' },
      { type: 'tcp', address: 'odd.example.com:1' },
      { type: 'grpc', address: 'odd.example.com:1' },
    ]) {
      const found = await run(probe, { resolve });
      expect([probe.type, found.outcome, found.message]).toEqual([
        probe.type,
        outcome,
        expect.stringContaining(message),
      ]);
    }
  });

  it('ask the name server for a name in other letters as it is written there', async () => {
    let asked = '';
    const resolve: Resolve = async (host) => {
      asked = host;
      return [];
    };
    await run({ type: 'http', url: 'http://bücher.example/' }, { resolve });
    expect(asked).toBe('xn--bcher-kva.example');
  });

  it.each<[string, (socket: Socket) => void]>([
    [
      'an answer that is no TLS',
      (socket) => void socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    ],
    ['a reset in the handshake', (socket) => void socket.once('data', () => socket.resetAndDestroy())],
    ['an end in the handshake', (socket) => void socket.once('data', () => socket.end())],
    [
      'an alert',
      (socket) => void socket.once('data', () => socket.write(Buffer.from([21, 3, 3, 0, 2, 2, 40]))),
    ],
    [
      'a record without end',
      (socket) => void socket.once('data', () => socket.write(Buffer.from([22, 3, 3, 255, 255, 2]))),
    ],
  ])('over TLS fail, in time and in words: %s', async (_, talk) => {
    const found = await run({ type: 'http', url: `https://${await tcp(talk)}/` });
    expect(found.outcome).toBe('failure');
    expect(found.message).toMatch(UNDERSTANDABLE);
  });

  it('over TLS fail at a server that wants a certificate of the client', async () => {
    const server = createHttps(
      { ...(await selfSigned()), requestCert: true, rejectUnauthorized: true },
      (_, response) => response.end(),
    );
    server.on('tlsClientError', () => undefined);
    const port = await listening(server);
    ends.push(
      () => server.closeAllConnections(),
      () => server.close(),
    );
    const found = await run({ type: 'http', url: `https://127.0.0.1:${port}/`, tls: { verify: false } });
    expect(found.outcome).toBe('failure');
    expect(found.message).toMatch(UNDERSTANDABLE);
  });

  it('by tcp find a text that comes in pieces, and fail with half of it', async () => {
    const pieces =
      (...parts: string[]) =>
      (socket: Socket) => {
        parts.forEach((part, n) => setTimeout(() => socket.write(part), n * 20));
      };
    expect(
      (await run({ type: 'tcp', address: await tcp(pieces('+PO', 'NG\r\n')), expect: '+PONG' })).outcome,
    ).toBe('success');
    const half = await tcp((socket) => void socket.end('+PO'), true);
    expect((await run({ type: 'tcp', address: half, expect: '+PONG' })).message).toBe(
      'Closed the connection after 3 bytes, without the expected text',
    );
  });

  it.each<[string, (socket: Socket) => void]>([
    ['HTTP/1', (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    ['nothing', () => undefined],
    ['an end at once', (socket) => void socket.end()],
    ['a reset at once', (socket) => void socket.resetAndDestroy()],
    [
      'garbage without end',
      (socket) => {
        const timer = setInterval(() => socket.write('x'.repeat(1_000)), 5);
        socket.on('close', () => clearInterval(timer));
      },
    ],
  ])('by grpc fail, in time and in words: %s', async (_, talk) => {
    const found = await run({ type: 'grpc', address: await tcp(talk) });
    expect(found.outcome).toBe('failure');
    expect(found.message).toMatch(UNDERSTANDABLE);
    expect(found.message).not.toMatch(/undefined|Resolution note|\d{4}-\d\d-\d\d/);
  });

  it.each<[string, Record<string, string | number>, Buffer]>([
    ['a page that is no gRPC', { ':status': 404, 'content-type': 'text/html' }, Buffer.from('<html>')],
    ['no message', { 'content-type': 'application/grpc' }, Buffer.alloc(0)],
    [
      'a message that is none',
      { 'content-type': 'application/grpc' },
      Buffer.from([0, 0, 0, 0, 3, 255, 255, 255]),
    ],
    [
      'a message that is too long',
      { 'content-type': 'application/grpc' },
      Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1]),
    ],
    ['a message that is packed', { 'content-type': 'application/grpc' }, Buffer.from([1, 0, 0, 0, 2, 8, 1])],
  ])('by grpc fail, in time and in words: an HTTP/2 server with %s', async (_, headers, body) => {
    const server = createHttp2();
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => sessions.add(session));
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond(headers);
      stream.end(body);
    });
    const port = await listening(server as never);
    ends.push(
      () => sessions.forEach((session) => session.destroy()),
      () => server.close(),
    );
    const found = await run({ type: 'grpc', address: `127.0.0.1:${port}` });
    expect(found.outcome).toBe('failure');
    expect(found.message).toMatch(UNDERSTANDABLE);
    expect(found.message).not.toMatch(/undefined|Resolution note|\d{4}-\d\d-\d\d/);
  });
});
