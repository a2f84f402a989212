import { Get, type INestApplication, Post, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type HttpAccess } from './access.js';
import { ApiController } from './api-controller.js';
import { HttpAccessModule } from './http-access.module.js';

const TOKEN = 'a-token-that-may-do-everything';
const READ_TOKEN = 'a-token-that-may-read';

@ApiController('things')
class Things {
  changes = 0;
  @Get()
  list() {
    return [];
  }
  @Post()
  change() {
    return { changes: ++this.changes };
  }
}

type Headers = Record<string, string | undefined>;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe.each([
  ['Express', ExpressAdapter],
  ['Fastify', FastifyAdapter],
] as [string, Type<ExpressAdapter | FastifyAdapter>][])('access on %s', (_name, Adapter) => {
  let app: INestApplication;
  let url: string;

  async function start(access: HttpAccess): Promise<void> {
    const module = await Test.createTestingModule({
      imports: [HttpAccessModule.forRoot(access)],
      controllers: [Things],
    }).compile();
    app = module.createNestApplication(new Adapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = `${await app.getUrl()}/things`;
  }
  afterEach(() => app?.close());

  const read = async (headers: Headers = {}) =>
    (await fetch(url, { headers: headers as Record<string, string> })).status;
  const write = async (headers: Headers = {}) => {
    const answer = await fetch(url, { method: 'POST', headers: headers as Record<string, string> });
    return [answer.status, ((await answer.json()) as { detail?: string }).detail] as const;
  };

  it('lets a token that may read do nothing else', async () => {
    await start({ token: TOKEN, readToken: READ_TOKEN });
    expect([await read(), await read(bearer('wrong')), await read(bearer(READ_TOKEN))]).toEqual([
      401, 401, 200,
    ]);
    expect(await write(bearer(READ_TOKEN))).toEqual([403, expect.stringContaining('may only read')]);
    expect((await write())[0]).toBe(401);
    expect((await write(bearer(TOKEN)))[0]).toBe(201);
    expect(app.get(Things).changes).toBe(1);
  });

  it('lets nobody change anything where there is a token for reading alone', async () => {
    await start({ readToken: READ_TOKEN });
    expect(await read(bearer(READ_TOKEN))).toBe(200);
    expect(await write(bearer(READ_TOKEN))).toEqual([403, expect.stringContaining('for reading alone')]);
  });

  it('lets nobody change anything when it is read-only, whatever token is sent', async () => {
    await start({ token: TOKEN, readOnly: true, openReads: true });
    expect(await read()).toBe(200);
    for (const headers of [{}, bearer(TOKEN), { 'x-workers-token': TOKEN }])
      expect(await write(headers)).toEqual([403, expect.stringContaining('read-only')]);
    expect(app.get(Things).changes).toBe(0);
  });

  it('is read-only beside a guard that lets everybody in', async () => {
    await start({ readOnly: true, guards: [{ canActivate: () => true }] });
    expect([await read(), (await write())[0]]).toEqual([200, 403]);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { origin: 'https://evil.example' },
    { origin: 'http://localhost.evil.example' },
    { origin: 'null' },
  ])('refuses what a page of another site sends: %j', async (headers) => {
    await start({ token: TOKEN });
    expect(await write({ ...bearer(TOKEN), ...headers })).toEqual([
      403,
      expect.stringContaining('a page of another site'),
    ]);
    expect(app.get(Things).changes).toBe(0);
    // A page of another site cannot see the answer: browsers withhold it.
    expect(await read({ ...bearer(TOKEN), ...headers })).toBe(200);
  });

  it('takes what a page of its own sends, of an allowed origin, and what is no page', async () => {
    await start({ token: TOKEN, origins: ['https://portal.example'] });
    const { origin, host } = new URL(url);
    for (const headers of [
      {},
      { 'sec-fetch-site': 'same-origin', origin },
      { 'sec-fetch-site': 'none' },
      { origin },
      // A proxy has changed the Host header, and says which it was; or it ends TLS.
      { origin: 'https://workers.example', 'x-forwarded-host': 'workers.example, inner' },
      { origin: `https://${host}` },
      { origin: 'https://portal.example', 'sec-fetch-site': 'cross-site' },
    ])
      expect([headers, (await write({ ...bearer(TOKEN), ...headers }))[0]]).toEqual([headers, 201]);
  });

  it('refuses an address that has sent many wrong tokens, the right one too, and says for how long', async () => {
    await start({ token: TOKEN });
    for (let n = 0; n < 10; n++) expect(await read(bearer(`guess-${n}`))).toBe(401);
    const answer = await fetch(url, { headers: bearer(TOKEN) });
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(await answer.json()).toMatchObject({ title: 'Too Many Requests', status: 429 });
    // Nothing was guessed.
    expect(await read()).toBe(401);
  });

  it('counts no request that sends no token', async () => {
    await start({ token: TOKEN });
    for (let n = 0; n < 30; n++) expect(await read()).toBe(401);
    expect(await read(bearer(TOKEN))).toBe(200);
  });
});

describe('options of access', () => {
  it.each([
    [{ token: TOKEN, readToken: TOKEN }, /readToken: it is the same as token/],
    [{ token: 5 as never }, /token: a number is no token/],
    [{ openReads: 'false' as never }, /openReads: "false" \(string\) is neither true nor false/],
    [{ readOnly: 1 as never }, /readOnly: "1" \(number\) is neither/],
    [{ token: TOKEN, guard: [] } as object, /guard: unknown option: did you mean guards\?/],
    [{ origins: ['portal.example'] }, /origins: "portal.example" is no origin/],
    [{ origins: ['https://portal.example/'] }, /is no origin: give one such as "https:\/\/portal.example"/],
  ])('that make no sense keep the application from starting: %j', async (access, message) => {
    await expect(
      Test.createTestingModule({
        imports: [HttpAccessModule.forRoot(access)],
        controllers: [Things],
      }).compile(),
    ).rejects.toThrow(message);
  });
});
