import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer as createTcp, type Socket } from 'node:net';
import { selfSigned } from '../../../../test/support/certificates.js';
import { closedPort, listening } from '../../../../test/support/ports.js';
import { newId } from '../../ids/typed-id.js';
import { resolveBySystem, type Resolve } from '../../network-policy/dial.js';
import { EgressPolicy } from '../../network-policy/egress-policy.js';
import { type HealthCheck } from '../health-check.js';
import { parseHealthCheck } from '../health-check-input.js';
import { type HealthCheckers } from '../health-checkers.js';
import { type PushState } from './push.prober.js';
import { Probes, type ProbesParts } from './probes.js';

const ends: (() => unknown)[] = [];
const LONG = 'x'.repeat(64 * 1024);

/** What `probe` needs of the machine, each of which a case may replace. */
const PARTS: ProbesParts = {
  policy: new EgressPolicy({ allow: ['127.0.0.0/8'] }),
  resolve: resolveBySystem,
  checkers: { find: () => undefined } as unknown as HealthCheckers,
  pushState: async () => undefined,
};

function checkOf(probe: object, timeout = 2_000): HealthCheck {
  const place = { hasInstance: false, checkers: ['own'] };
  const settings = parseHealthCheck({ name: 'x', probe, interval: '10s', timeout } as never, place);
  const now = new Date();
  const [id, tenantId] = [newId('healthCheck'), newId('tenant')];
  return { ...settings, id, tenantId, revision: 1, createdAt: now, updatedAt: now };
}

async function run(probe: object, timeout?: number, parts: Partial<ProbesParts> = {}) {
  const probes = new Probes({ ...PARTS, ...parts });
  try {
    const { outcome, message, phases, duration } = await probes.run(checkOf(probe, timeout));
    return { outcome, message, phases, duration };
  } finally {
    probes.close();
  }
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

async function tcp(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    talk(socket);
  });
  const port = await listening(server);
  ends.push(
    () => sockets.forEach((socket) => socket.destroy()),
    () => server.close(),
  );
  return port;
}

/** A port that takes no connection and refuses none, as behind a firewall: its process stands still, its queue is full. */
async function silentAt(host: string, port: number): Promise<() => void> {
  const listen = `require('node:net').createServer().listen({ host: '${host}', port: ${port}, backlog: 1 }, () => console.log())`;
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const queue = Array.from({ length: 8 }, () => connect({ host, port }).on('error', () => undefined));
  return () => {
    for (const socket of queue) socket.destroy();
    child.kill('SIGKILL');
  };
}

/** `grpc.health.v1` in which each service has that status; one without has none. `slow` never answers. */
async function grpcHealth(
  statusOf: (service: string) => number | undefined,
): Promise<{ server: GrpcServer; port: number }> {
  const server = new GrpcServer();
  const definition = {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
      requestSerialize: () => Buffer.alloc(0),
      responseSerialize: (status: number) => Buffer.from(status === 0 ? [] : [8, status]),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  } as const;
  server.addService(definition, {
    Check: (
      { request }: { request: { service: string } },
      done: (error: object | null, status?: number) => void,
    ) => {
      const status = statusOf(request.service);
      if (request.service === 'slow') return;
      if (status === undefined) done({ code: 5, details: 'unknown service' });
      else done(null, status);
    },
  } as never);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { server, port };
}

const at = (url: string, more: object = {}) => ({ type: 'http', url, ...more });

describe('probes', () => {
  afterEach(() => {
    for (const end of ends.splice(0).reverse()) end();
  });

  describe('by http', () => {
    it('pass with the expected status, and say how long each phase took', async () => {
      const url = await http((_, response) => response.end('fine'));
      const { outcome, message, phases, duration } = await run(at(url));
      expect([outcome, message]).toEqual(['success', 'Answered 200']);
      expect(Object.keys(phases!)).toEqual(['lookup', 'connect', 'firstByte', 'body']);
      expect(Object.values(phases!).reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(duration);
    });

    it('open a connection each, and leave none behind', async () => {
      const ports = new Set<number>();
      let closed = 0;
      const server = createHttp((_, response) => response.end('fine'));
      server.on('connection', (socket) => {
        ports.add(socket.remotePort!);
        socket.on('error', () => undefined).on('close', () => closed++);
      });
      const port = await listening(server);
      ends.push(() => server.close());
      for (let n = 0; n < 3; n++) await run(at(`http://127.0.0.1:${port}`));
      expect(ports.size).toBe(3);
      while (closed < 3) await new Promise((resolve) => setImmediate(resolve));
    });

    const answer: Record<string, (response: ServerResponse) => void> = {
      'a bad status': (response) => response.writeHead(503).end(),
      'no expected text': (response) => response.end('something else'),
      'no JSON': (response) => response.end('<html>'),
      'other JSON': (response) => response.end('{"status":"down","a":{"b":[1,2]}}'),
      'no such place': (response) => response.end('{}'),
    };
    it.each([
      ['a bad status', {}, 'Answered 503, expected 200-299'],
      ['no expected text', { bodyContains: 'ok' }, 'without the expected text in its 14 bytes'],
      ['no JSON', { json: [{ pointer: '/status', equals: 'up' }] }, 'The answer is no JSON'],
      ['other JSON', { json: [{ pointer: '/status', equals: 'up' }] }, 'has another value at "/status"'],
      ['no such place', { json: [{ pointer: '/a/b', equals: 1 }] }, 'has nothing at "/a/b"'],
    ])('fail at %s', async (what, more, message) => {
      const url = await http((_, response) => answer[what]!(response));
      const found = await run(at(url, more));
      expect(found.outcome).toBe('failure');
      expect(found.message).toContain(message);
    });

    it('find what they look for in JSON', async () => {
      const url = await http((_, response) => response.end('{"a/b":{"c":[0,{"d":1,"e":2}]}}'));
      const json = [{ pointer: '/a~1b/c/1', equals: { e: 2, d: 1 } }];
      expect((await run(at(url, { json }))).outcome).toBe('success');
    });

    it('send method, headers and body as they were given', async () => {
      let seen: unknown;
      const url = await http((request, response) => {
        request.setEncoding('utf8').on('data', (body) => {
          seen = [request.method, request.url, request.headers['x-key'], body];
          response.end();
        });
      });
      await run(at(`${url}/a?b=c`, { method: 'POST', headers: { 'X-Key': 'v' }, body: 'hello' }));
      expect(seen).toEqual(['POST', '/a?b=c', 'v', 'hello']);
    });

    it('end in time with a server that answers byte by byte, and say what they waited for', async () => {
      const url = await http((_, response) => {
        response.write('x');
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(timer));
      });
      const { outcome, message, duration } = await run(at(url), 1_000);
      expect([outcome, message]).toEqual([
        'failure',
        'No result within 1000 ms: waited for the rest of the answer',
      ]);
      expect(duration).toBeGreaterThanOrEqual(999);
    });

    it('end in time with headers that come byte by byte', async () => {
      const port = await tcp((socket) => {
        const timer = setInterval(() => socket.write('H'), 20);
        socket.on('close', () => clearInterval(timer));
      });
      expect((await run(at(`http://127.0.0.1:${port}`), 300)).outcome).toBe('failure');
    });

    it('end in time with a server that never answers', async () => {
      const url = await http(() => undefined);
      expect(await run(at(url), 200)).toMatchObject({
        outcome: 'failure',
        message: 'No result within 200 ms: waited for an answer',
      });
    });

    it('end in time in the TLS handshake', async () => {
      const port = await tcp(() => undefined);
      const found = await run(at(`https://127.0.0.1:${port}`), 200);
      expect(found).toMatchObject({
        outcome: 'failure',
        message: 'No result within 200 ms: waited for an answer',
      });
    });

    it('read no more than they have to of 1 GB', async () => {
      let sent = 0;
      const url = await http((_, response) => {
        const more = (): void => {
          while (sent < 1024 ** 3 && response.write(LONG)) sent += LONG.length;
          if (!response.destroyed) response.once('drain', more);
        };
        more();
      });
      const found = await run(at(url, { maxBytes: 100_000 }));
      expect(found).toMatchObject({ outcome: 'failure', message: 'The answer is longer than 100000 bytes' });
      expect(sent).toBeLessThan(64 * 1024 ** 2);
    });

    it.each([
      [
        'a reset',
        (socket: Socket) => void socket.resetAndDestroy(),
        'The target reset the connection (ECONNRESET)',
      ],
      [
        'an end without an answer',
        (socket: Socket) => void socket.once('data', () => socket.end()),
        'closed the connection before its answer',
      ],
      [
        'something that is no HTTP',
        (socket: Socket) => void socket.once('data', () => socket.end('220 smtp ready\r\n')),
        'The answer is no HTTP',
      ],
    ])('fail at %s', async (_, talk, message) => {
      const port = await tcp(talk);
      const found = await run(at(`http://127.0.0.1:${port}`));
      expect(found.outcome).toBe('failure');
      expect(found.message).toContain(message);
    });

    it('fail where nothing listens', async () => {
      const found = await run(at(`http://127.0.0.1:${await closedPort()}`));
      expect(found).toMatchObject({ outcome: 'failure' });
      expect(found.message).toContain('Nothing listens there');
    });

    it('follow redirects as many times as they may, and never in a loop', async () => {
      const url = await http(({ url: path }, response) => {
        const n = Number(path!.slice(1));
        if (n === 0) response.end();
        else response.writeHead(302, { location: path === '/loop' ? '/loop' : `/${n - 1}` }).end();
      });
      expect((await run(at(`${url}/3`, { redirects: 3 }))).outcome).toBe('success');
      expect((await run(at(`${url}/3`, { redirects: 2 }))).message).toBe('Redirected more than 2 times');
      expect((await run(at(`${url}/loop`))).message).toBe('Redirected more than 5 times');
      expect((await run(at(`${url}/1`, { redirects: 0, status: [302] }))).outcome).toBe('success');
    });

    it('take no redirect to where they may not go, nor their headers to another origin', async () => {
      const metadata = await http((_, response) =>
        response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
      );
      const found = await run(at(metadata));
      expect(found.outcome).toBe('failure');
      expect(found.message).toContain('169.254.169.254');
      let heard: unknown = 'nothing';
      const other = await http((request, response) => {
        heard = request.headers['x-api-key'];
        response.end();
      });
      const url = await http((_, response) => response.writeHead(302, { location: other }).end());
      expect((await run(at(url, { headers: { 'X-Api-Key': 'hunter2' } }))).outcome).toBe('success');
      expect(heard).toBeUndefined();
      const file = await http((_, response) =>
        response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      );
      expect((await run(at(file))).message).toContain('neither http nor https');
    });

    it('go nowhere private by default, whatever the address is called', async () => {
      const policy = new EgressPolicy();
      for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', 'localhost']) {
        const { outcome, message } = await run(at(`http://${host}:1/`), 2_000, { policy });
        expect([host, outcome, message]).toEqual([host, 'failure', expect.stringContaining('egress policy')]);
      }
    });

    it('go nowhere with a name that resolves to a private address at the second look-up', async () => {
      let asked = 0;
      let reached = 0;
      const url = await http((_, response) => {
        reached++;
        response.end();
      });
      const { port } = new URL(url);
      const addresses = ['127.0.0.1', '127.0.0.2'];
      const resolve: Resolve = async () => [{ address: addresses[Math.min(asked++, 1)]!, family: 4 }];
      const policy = new EgressPolicy({ allow: ['127.0.0.1'] });
      const rebinding = at(`http://rebind.example.com:${port}/`);
      expect((await run(rebinding, 2_000, { resolve, policy })).outcome).toBe('success');
      const second = await run(rebinding, 2_000, { resolve, policy });
      expect(second.message).toContain('rebind.example.com is 127.0.0.2');
      expect([asked, reached]).toEqual([2, 1]);
    });

    it('are degraded by an answer that is too slow', async () => {
      const url = await http((_, response) => void setTimeout(() => response.end(), 60));
      const found = await run(at(url, { degradedAbove: 50 }));
      expect(found).toMatchObject({ outcome: 'degraded' });
      expect(found.message).toContain('more than 50 ms');
    });

    describe('over TLS', () => {
      const DAY = 86_400_000;
      const secure = async (certificate: { key: string; cert: string }): Promise<string> => {
        const server = createHttps(certificate, (_, response) => response.end());
        const port = await listening(server);
        ends.push(
          () => server.closeAllConnections(),
          () => server.close(),
        );
        return `https://127.0.0.1:${port}`;
      };

      it('fail at a certificate that nobody vouches for, unless it is not looked at', async () => {
        const url = await secure(await selfSigned());
        const found = await run(at(url));
        expect(found).toMatchObject({ outcome: 'failure' });
        expect(found.message).toContain('The certificate is self-signed');
        expect((await run(at(url, { tls: { verify: false } }))).outcome).toBe('success');
      });

      it('name the day on which a certificate expired', async () => {
        const expired = {
          notBefore: new Date(Date.now() - 20 * DAY),
          notAfter: new Date(Date.now() - 3.5 * DAY),
        };
        const url = await secure(await selfSigned(expired));
        const { outcome, message } = await run(at(url));
        expect(outcome).toBe('failure');
        const day = expired.notAfter.toISOString().slice(0, 10);
        expect([`The certificate expired on ${day}, 4 days ago`]).toContain(message);
      });

      it('are degraded by a certificate that expires soon', async () => {
        const url = await secure(await selfSigned({ notAfter: new Date(Date.now() + 5.5 * DAY) }));
        const found = await run(at(url, { tls: { verify: false, minDays: 14 } }));
        expect(found.outcome).toBe('degraded');
        expect(found.message).toContain('expires in 5 days');
      });

      it('ask for the virtual host, and for a name without the dot at its end', async () => {
        const asked: unknown[] = [];
        const server = createHttps(await selfSigned(), (_, response) => response.end());
        server.on('secureConnection', ({ servername }) => asked.push(servername));
        const port = await listening(server);
        ends.push(
          () => server.closeAllConnections(),
          () => server.close(),
        );
        const resolve: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];
        const tls = { verify: false };
        const host = { Host: 'shop.example.com:8443' };
        await run(at(`https://127.0.0.1:${port}`, { tls, headers: host }));
        await run(at(`https://example.com.:${port}`, { tls }), 5_000, { resolve });
        await run(at(`https://127.0.0.1:${port}`, { tls }));
        expect(asked).toEqual(['shop.example.com', 'example.com', false]);
      });

      it('fail at what does not speak it', async () => {
        const url = await http((_, response) => response.end());
        const found = await run(at(url.replace('http', 'https')));
        expect(found).toMatchObject({ outcome: 'failure' });
        expect(found.message).toContain('TLS');
      });
    });
  });

  describe('of an endpoint of an instance', () => {
    it.each(['//evil.example/x', '/\\\\evil.example/x', '/\\evil.example', '///evil.example', '/a?b=//c'])(
      'go to that endpoint whatever the path is: %s',
      async (path) => {
        const asked: string[] = [];
        const url = new URL(await http(({ url = '', headers }, response) => {
          asked.push(`${headers.authorization} ${url}`);
          response.end();
        })); // prettier-ignore
        const place = { hasInstance: true, checkers: [] };
        const probe = { type: 'http', path, headers: { authorization: 'hunter2' } };
        const settings = parseHealthCheck({ name: 'x', probe } as never, place);
        const endpoints = [{ name: 'http', host: url.hostname, port: Number(url.port) }];
        const probes = new Probes({ ...PARTS, resolve: () => Promise.reject(new Error('went elsewhere')) });
        const found = await probes.run(
          { ...checkOf({ type: 'push' }), ...settings },
          { id: newId('instance'), provider: 'process', endpoints: endpoints as never },
        );
        expect(found).toMatchObject({ outcome: 'success' });
        expect(asked).toEqual([`hunter2 ${path.replaceAll('\\', '/')}`]);
      },
    );
  });

  describe('of a name with several addresses', () => {
    // Everybody at once: no machine has a way there, as one without IPv6 has none to any IPv6 address.
    const NO_WAY = '255.255.255.255';
    const addresses = (...found: string[]): Partial<ProbesParts> => ({
      policy: new EgressPolicy({ allow: ['0.0.0.0/0'] }),
      resolve: async () => found.map((address) => ({ address, family: 4 })),
    });

    it('pass when one of them answers', async () => {
      const port = await tcp((socket) => void socket.resume());
      for (const order of [
        ['127.0.0.2', NO_WAY, '127.0.0.1'],
        ['127.0.0.1', '127.0.0.2'],
      ]) {
        const found = await run({ type: 'tcp', address: `example.com:${port}` }, 5_000, addresses(...order));
        expect(found).toMatchObject({ outcome: 'success' });
      }
    });

    it('do not give all of their time to one that is silent', async () => {
      const port = await tcp((socket) => void socket.resume());
      const silent = await silentAt('127.0.0.2', port);
      ends.push(silent);
      const found = await run(
        { type: 'tcp', address: `example.com:${port}` },
        10_000,
        addresses('127.0.0.2', '127.0.0.1'),
      );
      expect(found).toMatchObject({ outcome: 'success' });
    });

    it('fail when the target refuses, though this machine has no way to another of its addresses', async () => {
      const address = `example.com:${await closedPort()}`;
      for (const order of [
        ['127.0.0.1', NO_WAY],
        [NO_WAY, '127.0.0.1'],
      ]) {
        const found = await run({ type: 'tcp', address }, 5_000, addresses(...order));
        expect(found).toMatchObject({ outcome: 'failure', message: expect.stringContaining('refused') });
      }
      expect(await run({ type: 'tcp', address }, 5_000, addresses(NO_WAY, NO_WAY))).toMatchObject({
        outcome: 'unknown',
      });
    });

    it('by grpc pass when one of them answers', async () => {
      const { server, port } = await grpcHealth(() => 1);
      ends.push(() => server.forceShutdown());
      const found = await run(
        { type: 'grpc', address: `example.com:${port}` },
        10_000,
        addresses('127.0.0.2', '127.0.0.1'),
      );
      expect(found).toMatchObject({ outcome: 'success' });
    });
  });

  describe('when the fault is their own', () => {
    it.each([
      ['EAI_AGAIN', 'getaddrinfo', 'The name server did not answer'],
      ['ESERVFAIL', 'queryA', 'The name server could not answer'],
      ['ECONNREFUSED', 'queryA', 'The name server is not there'],
      ['EMFILE', 'connect', 'no file descriptor left'],
      ['EADDRNOTAVAIL', 'connect', 'no local port left'],
      ['ENETUNREACH', 'connect', 'no route'],
    ])('are unknown: %s of %s', async (code, syscall, message) => {
      const resolve: Resolve = () => Promise.reject(Object.assign(new Error('no'), { code, syscall }));
      const found = await run(at('http://example.com'), 2_000, { resolve });
      expect(found.outcome).toBe('unknown');
      expect(found.message).toContain(message);
    });

    it('are unknown when the look-up takes all of their time', async () => {
      const resolve: Resolve = () => new Promise(() => undefined);
      const found = await run(at('http://example.com'), 100, { resolve });
      expect(found).toMatchObject({
        outcome: 'unknown',
        message: 'The name server did not answer within 100 ms',
      });
    });

    it('fail all the same at a name that does not exist', async () => {
      const resolve: Resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
      expect(await run(at('http://nowhere.example.com'), 500, { resolve })).toMatchObject({
        outcome: 'failure',
        message: 'There is no such name (ENOTFOUND)',
      });
    });

    it('are unknown when they are given up', async () => {
      const url = await http(() => undefined);
      const probes = new Probes(PARTS);
      const given = new AbortController();
      const running = probes.run(checkOf(at(url)), undefined, given.signal);
      given.abort();
      expect((await running).outcome).toBe('unknown');
    });
  });

  describe('by tcp', () => {
    it('pass with a connection, or with the expected text', async () => {
      const port = await tcp(
        (socket) => void socket.once('data', (data) => socket.write(`+PONG ${String(data)}`)),
      );
      const address = `127.0.0.1:${port}`;
      expect((await run({ type: 'tcp', address })).outcome).toBe('success');
      expect((await run({ type: 'tcp', address, send: 'PING', expect: 'PONG PING' })).outcome).toBe(
        'success',
      );
    });

    it('fail without the expected text: never, too little, too much, the end', async () => {
      const talks: [(socket: Socket) => void, string][] = [
        [() => undefined, 'No result within 200 ms: waited for an answer'],
        [(socket) => socket.end('hello'), 'Closed the connection after 5 bytes'],
        [(socket) => void socket.write(LONG + LONG), 'not in the first 65536 bytes'],
      ];
      for (const [talk, message] of talks) {
        const found = await run(
          { type: 'tcp', address: `127.0.0.1:${await tcp(talk)}`, expect: 'PONG' },
          200,
        );
        expect(found.outcome).toBe('failure');
        expect(found.message).toContain(message);
      }
    });

    it('fail where nothing listens', async () => {
      const found = await run({ type: 'tcp', address: `127.0.0.1:${await closedPort()}` });
      expect(found.message).toContain('Nothing listens there');
    });
  });

  describe('by grpc', () => {
    let address: string;
    let server: GrpcServer;
    const statuses: Record<string, number> = { '': 1, up: 1, down: 2, odd: 0 };

    beforeAll(async () => {
      const made = await grpcHealth((service) => statuses[service]);
      server = made.server;
      address = `127.0.0.1:${made.port}`;
    });
    afterAll(() => server.forceShutdown());

    it.each([
      ['', 'success', 'SERVING'],
      ['up', 'success', 'SERVING'],
      ['down', 'failure', 'The service says NOT_SERVING'],
      ['odd', 'failure', 'The service says UNKNOWN'],
      ['nobody', 'failure', 'The server knows no service "nobody"'],
      ['slow', 'failure', 'No result within 500 ms'],
    ])('of the service "%s" are %s', async (service, outcome, message) => {
      const found = await run({ type: 'grpc', address, service }, service === 'slow' ? 500 : 10_000);
      expect([found.outcome, found.message]).toEqual([outcome, expect.stringContaining(message)]);
    });

    it('fail where nothing listens, and at what does not speak it', async () => {
      const nothing = await run({ type: 'grpc', address: `127.0.0.1:${await closedPort()}` }, 1_000);
      expect(nothing.outcome).toBe('failure');
      const url = await http((_, response) => response.end());
      const other = await run({ type: 'grpc', address: new URL(url).host }, 1_000);
      expect(other.outcome).toBe('failure');
    });

    it('go nowhere private by default', async () => {
      const found = await run({ type: 'grpc', address }, 500, { policy: new EgressPolicy() });
      expect(found.message).toContain('egress policy');
    });
  });

  describe('by a push', () => {
    const push = (last?: PushState['last'], waiting = 3_600_000) =>
      run({ type: 'push', grace: '5s' }, 500, { pushState: async () => ({ last, waiting }) });

    it('pass while the target calls within the interval and the grace', async () => {
      expect(await push({ outcome: 'success', message: 'backup done', age: 14_900 })).toMatchObject({
        outcome: 'success',
        message: 'backup done',
      });
    });

    it('fail when it calls too late, never, or with bad news', async () => {
      expect((await push({ outcome: 'success', message: '', age: 15_100 })).message).toContain(
        '15100 ms ago',
      );
      expect((await push()).message).toBe('The target has never called');
      expect((await push({ outcome: 'failure', message: 'disk full', age: 0 })).outcome).toBe('failure');
    });

    it('are unknown until the target has had the time to call', async () => {
      const notYet = {
        outcome: 'unknown',
        message: 'The target has not called yet, expected every 15000 ms',
      };
      expect(await push(undefined, 14_900)).toMatchObject(notYet);
      expect(await push({ outcome: 'success', message: '', age: 60_000 }, 14_900)).toMatchObject(notYet);
      expect(await push({ outcome: 'failure', message: 'full', age: 9_000 }, 0)).toMatchObject({
        outcome: 'failure',
      });
      expect(await push(undefined, 15_100)).toMatchObject({ outcome: 'failure' });
      const probes = new Probes({ ...PARTS, pushState: async () => ({ waiting: 3_600_000 }) });
      const runningFor = async (milliseconds: number) => {
        const runningSince = new Date(Date.now() - milliseconds);
        const instance = { id: newId('instance'), provider: 'process', endpoints: [], runningSince };
        return (await probes.run(checkOf({ type: 'push', grace: '5s' }), instance)).outcome;
      };
      expect([await runningFor(0), await runningFor(3_600_000)]).toEqual(['unknown', 'failure']);
    });
  });

  describe('by a checker of the application', () => {
    const own = (check: () => unknown, timeout?: number) =>
      run({ type: 'custom', checker: 'own' }, timeout, {
        checkers: {
          find: (name: string) => (name === 'own' ? { check } : undefined),
        } as unknown as HealthCheckers,
      });

    it('say what it says', async () => {
      expect(await own(() => ({ outcome: 'degraded', message: 'slow' }))).toMatchObject({
        outcome: 'degraded',
        message: 'slow',
      });
    });

    it('fail with what it throws, and in time if it never ends', async () => {
      expect(await own(() => Promise.reject(new Error('no route')))).toMatchObject({
        outcome: 'failure',
        message: 'no route',
      });
      expect(await own(() => new Promise(() => undefined), 100)).toMatchObject({ outcome: 'failure' });
    });

    it('are unknown if it gives no outcome, or is not there', async () => {
      expect((await own(() => ({ ok: true }))).outcome).toBe('unknown');
      expect((await run({ type: 'custom', checker: 'own' })).message).toContain('no checker "own"');
    });
  });
});
