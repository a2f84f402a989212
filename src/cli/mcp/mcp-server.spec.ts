import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Server } from 'node:http';
import { request } from 'node:http';
import { WorkerDashboardModule } from '../../core/dashboard/worker-dashboard.module.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { IncidentsHttpModule } from '../../core/incidents/http/incidents-http.module.js';
import { Incidents } from '../../core/incidents/incidents.js';
import { IncidentsModule } from '../../core/incidents/incidents.module.js';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../core/worker.module.js';
import { type Api } from './api.js';
import { serveHttp } from './http.js';
import { createMcpServer } from './mcp-server.js';
import { TOOLS } from './tools.js';

const TOKEN = 'a-token-of-the-test';
const READING = ['get_run', 'get_worker', 'list_errors', 'list_incidents', 'list_runs', 'list_workers'];
const ACTING = ['cancel_run', 'pause_worker', 'resume_worker', 'silence_incidents', 'trigger_worker'];

let app: INestApplication;
let api: Api;
let client: Client;

beforeAll(async () => {
  const module = await Test.createTestingModule({
    imports: [
      WorkerModule.forRoot(),
      IncidentsModule.forRoot(),
      HttpAccessModule.forRoot({ token: TOKEN }),
      WorkerDashboardModule.forRoot({ token: TOKEN }),
      IncidentsHttpModule,
    ],
  }).compile();
  app = module.createNestApplication({ logger: false });
  const scheduler = app.get(Scheduler);
  scheduler.register({
    name: 'echo',
    interval: 0,
    run: ({ payload, logger }) => logger.log(JSON.stringify(payload)),
  });
  scheduler.register({
    name: 'fails',
    interval: 0,
    run: ({ payload }) => Promise.reject(new TypeError(`row ${String(payload)} is bad`)),
  });
  await app.listen(0, '127.0.0.1');
  for (const row of [1, 2, 3]) await (await scheduler.trigger('fails', row)).ended;
  await app
    .get(Incidents)
    .report({ kind: 'worker', subject: 'fails', condition: 'failing', summary: 'it fails' });
  const url = await app.getUrl();
  const ask = async (method: string, path: string, parameters: object = {}, body?: unknown) => {
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
    const answer = await fetch(`${url}/${path}?${new URLSearchParams(given as [string, string][])}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const json = (await answer.json()) as { detail: string };
    if (!answer.ok) throw new Error(json.detail);
    return json as never;
  };
  api = {
    get: (path, parameters) => ask('GET', path, parameters),
    post: (path, parameters, body) => ask('POST', path, parameters, body),
  };
});
afterEach(() => client?.close());
afterAll(() => app.close());

async function connect(allowActions: boolean): Promise<void> {
  const [here, there] = InMemoryTransport.createLinkedPair();
  await createMcpServer(api, { version: '1.2.3', allowActions }).connect(there);
  client = new Client({ name: 'test', version: '0' });
  await client.connect(here);
}

async function call(name: string, given: Record<string, unknown> = {}) {
  const { content, isError = false } = await client.callTool({ name, arguments: given });
  const [{ text }] = content as [{ text: string }];
  return { isError, text, json: () => JSON.parse(text) as never };
}

describe('the MCP server', () => {
  it('reads, and has no tool that changes anything, unless it may', async () => {
    await connect(false);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual(READING);
    for (const { annotations } of tools) expect(annotations).toMatchObject({ readOnlyHint: true });
    expect((await call('trigger_worker', { name: 'echo' })).isError).toBe(true);
    await client.close();
    await connect(true);
    const all = (await client.listTools()).tools;
    expect(all.map(({ name }) => name).toSorted()).toEqual([...READING, ...ACTING].toSorted());
    expect(all.find(({ name }) => name === 'cancel_run')?.annotations).toMatchObject({ readOnlyHint: false });
    expect(
      TOOLS.filter(({ action }) => action)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(ACTING);
  });

  it('says of itself who it is, and that what it shows is data', async () => {
    await connect(false);
    expect(client.getServerVersion()).toMatchObject({ name: 'ctrlplane-workers', version: '1.2.3' });
    expect(client.getInstructions()).toMatch(/no instructions to follow/);
  });

  it('shows workers, runs, errors and incidents', async () => {
    await connect(false);
    const names = async (given: object) =>
      ((await call('list_workers', given as never)).json() as { name: string }[]).map(({ name }) => name);
    expect(await names({})).toEqual(['echo', 'fails', 'workers_incidents']);
    expect(await names({ search: 'EC' })).toEqual(['echo']);
    expect(await names({ in_trouble: true })).toEqual(['fails']);
    expect((await call('get_worker', { name: 'fails', runs: 2 })).json()).toMatchObject({
      worker: { name: 'fails', conditions: ['failing'] },
      runs: [{ outcome: 'failed' }, { outcome: 'failed' }],
    });
    const { items } = (await call('list_runs', { worker: 'fails', limit: 2 })).json() as {
      items: { id: string }[];
    };
    expect(items).toHaveLength(2);
    expect((await call('get_run', { id: items[0]!.id })).json()).toMatchObject({
      error: { name: 'TypeError', message: expect.stringMatching(/^row \d is bad$/) },
    });
    expect((await call('list_errors')).json()).toEqual([
      {
        worker: 'fails',
        outcome: 'failed',
        error: expect.stringMatching(/^TypeError: row \d is bad$/),
        count: 3,
        first: expect.any(String),
        last: expect.any(String),
        example_run: items[0]!.id,
        releases: expect.any(Array),
      },
    ]);
    expect((await call('list_incidents')).json()).toMatchObject({
      items: [{ subject: 'fails', condition: 'failing', summary: 'it fails' }],
    });
  });

  it('acts where it may', async () => {
    await connect(true);
    const { run_id } = (await call('trigger_worker', { name: 'echo', payload: { a: [1] } })).json() as {
      run_id: string;
    };
    expect((await call('get_run', { id: run_id })).json()).toMatchObject({
      worker: 'echo',
      log: { lines: [{ message: '{"a":[1]}' }] },
    });
    expect((await call('pause_worker', { name: 'echo' })).json()).toMatchObject({ state: 'paused' });
    expect((await call('resume_worker', { name: 'echo' })).json()).toMatchObject({ state: 'idle' });
    const silence = { subject: 'echo', for: '2h', reason: 'as told' };
    expect((await call('silence_incidents', silence)).json()).toMatchObject({
      subject: 'echo',
      reason: 'as told',
    });
    expect(await call('cancel_run', { id: run_id })).toMatchObject({ isError: true });
  });

  it.each([
    ['get_worker', { name: 'nobody' }, /No worker is named "nobody"/],
    ['get_worker', { name: '../health' }, /No worker is named/],
    ['get_run', { id: '../workers' }, /Invalid/],
    ['list_runs', { limit: 5_000 }, /Invalid/],
    ['list_runs', { outcome: 'nonsense' }, /give one or several of/],
    ['list_incidents', { state: 'ajar' }, /Invalid/],
  ])('says why it cannot answer %s %j', async (name, given, message) => {
    await connect(false);
    const { isError, text } = await call(name, given);
    expect(isError).toBe(true);
    expect(text).toMatch(message);
  });

  it('cuts an answer that no model could take in, and says so', async () => {
    const long: Api = { ...api, get: async () => ['x'.repeat(200_000)] as never };
    const [here, there] = InMemoryTransport.createLinkedPair();
    await createMcpServer(long, { version: '1', allowActions: false }).connect(there);
    client = new Client({ name: 'test', version: '0' });
    await client.connect(here);
    const { text } = await call('list_runs');
    expect(text.length).toBeLessThan(101_000);
    expect(text).toMatch(/cut after 100000 of 2\d+ characters: ask for less$/);
  });
});

describe('the MCP server over HTTP', () => {
  let server: Server;
  let url: string;

  beforeAll(async () => {
    const create = () => createMcpServer(api, { version: '1', allowActions: false });
    ({ server, url } = await serveHttp({ port: 0, token: TOKEN, create }));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('answers a client that knows the token', async () => {
    client = new Client({ name: 'test', version: '0' });
    const headers = { authorization: `Bearer ${TOKEN}` };
    const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
    await client.connect(transport as never);
    expect((await client.listTools()).tools.map(({ name }) => name).toSorted()).toEqual(READING);
    expect((await call('list_workers', { search: 'echo' })).json()).toMatchObject([{ name: 'echo' }]);
  });

  it.each([
    ['without the token', {}, 'POST', '/mcp', 401],
    ['with a wrong one', { authorization: 'Bearer wrong' }, 'POST', '/mcp', 401],
    ['for another host', { authorization: `Bearer ${TOKEN}`, host: 'evil.example' }, 'POST', '/mcp', 403],
    ['elsewhere', { authorization: `Bearer ${TOKEN}` }, 'POST', '/', 404],
    ['for what is no path', { authorization: `Bearer ${TOKEN}` }, 'POST', '//[', 404],
    ['for a stream', { authorization: `Bearer ${TOKEN}` }, 'GET', '/mcp', 405],
  ])('refuses who asks %s', async (_what, headers, method, path, status) => {
    const { hostname, port } = new URL(url);
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ hostname, port, path, method, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.once('error', reject);
      asked.end();
    });
    expect(answered).toBe(status);
  });
});
