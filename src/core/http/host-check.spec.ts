import { createServer, request, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
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

  it.each(['localhost', 'localhost:3000', 'LocalHost:3000', 'localhost.', '127.0.0.1:3000', '127.1.2.3', '[::1]:3000'])(
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
