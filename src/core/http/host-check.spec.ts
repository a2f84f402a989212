import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { hostCheck, isAllowedHost, type HostCheckOptions } from './host-check.js';

describe('the check of the Host header', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function start(options?: HostCheckOptions): Promise<void> {
    const check = hostCheck(options);
    server = createServer((req, res) => check(req, res, () => res.end('let in')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  function ask(host: string): Promise<{ status?: number; body: string; type?: string }> {
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', headers: { host }, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () =>
          resolve({ status: response.statusCode, body, type: response.headers['content-type'] }),
        );
      });
      asked.on('error', reject).end();
    });
  }

  it.each(['localhost', 'localhost:3000', 'LocalHost:3000', 'localhost.', '127.0.0.1:3000', '127.1.2.3', '[::1]:3000', 'localhost:', '[::1]:'])(
    'lets in who asks for %s',
    async (host) => {
      await start();
      expect(await ask(host)).toMatchObject({ status: 200, body: 'let in' });
    },
  ); // prettier-ignore

  it.each([
    'evil.example', 'evil.example:3000', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil-localhost',
    '10.0.0.1', '0.0.0.0', '[::2]', 'localhost:3000:3000', 'localhost@evil.example', '128.0.0.1',
  ])('refuses who asks for %j, and names it', async (host) => {
    await start();
    const { status, body, type } = await ask(host);
    expect(status).toBe(403);
    expect(type).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(body)).toMatchObject({ status: 403, detail: expect.stringContaining(`"${host}"`) });
  }); // prettier-ignore

  /** Bytes as they are: no client would send these. */
  async function send(...lines: string[]): Promise<string> {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.setEncoding('utf8');
    let answer = '';
    socket.on('data', (chunk) => (answer += String(chunk)));
    const ended = once(socket, 'close');
    socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    await ended;
    return answer;
  }

  it.each([
    ['localhost', 'evil.example'],
    ['evil.example', 'localhost'],
    ['localhost', 'localhost'],
  ])(
    'refuses who names two hosts, as one may be checked and the other used: %s, %s',
    async (first, second) => {
      await start();
      const answer = await send('GET / HTTP/1.1', `Host: ${first}`, `hOST: ${second}`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('There is more than one Host header: send one');
    },
  );

  it('refuses who asks for another host in the target than in the header', async () => {
    await start();
    expect(await send('GET http://evil.example/ HTTP/1.1', 'Host: localhost')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await send('GET http://localhost/ HTTP/1.1', 'Host: evil.example')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await send('GET http://localhost:1/ HTTP/1.1', 'Host: localhost')).toMatch(/^HTTP\/1\.1 200 /);
    expect(await send('GET / HTTP/1.0')).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('refuses who names no host, as an old client may', () => {
    expect(isAllowedHost(undefined, new Set())).toBe(false);
    expect(isAllowedHost('', new Set(['']))).toBe(false);
  });

  it('lets in who asks for a name that is allowed', async () => {
    await start({ allow: ['Workers.internal'] });
    expect((await ask('workers.internal:80')).status).toBe(200);
    expect((await ask('x.workers.internal')).status).toBe(403);
  });
});
