import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Webhook as Receiver } from 'standardwebhooks';
import { InMemoryIncidentStore } from '../../history/in-memory-incident.store.js';
import { SystemClock } from '../../timing/clock.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { incidentRules } from '../incident-rules.js';
import { type WebhookOptions } from './webhook.js';
import { Courier, RETRY_AFTER } from './courier.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const REPORT = {
  kind: 'worker',
  subject: 'w',
  condition: 'failing',
  summary: 'Worker "w" <is> failing & more',
};

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

let server: Server;
let url: string;
let received: Received[];
/** What the server answers next; 204 when it is empty. */
let answers: { status: number; headers?: Record<string, string> }[];
let clock: ManualClock;
let store: InMemoryIncidentStore;

beforeEach(async () => {
  jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  received = [];
  answers = [];
  // Receivers refuse what is older than five minutes.
  clock = new ManualClock(Date.now());
  store = new InMemoryIncidentStore(clock);
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      const { status, headers } = answers.shift() ?? { status: 204 };
      response.writeHead(status, headers).end(status === 204 ? undefined : 'word of the server');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  jest.restoreAllMocks();
});

function courier(...webhooks: Partial<WebhookOptions>[]): Courier {
  const rules = incidentRules({ webhooks: webhooks.map((given) => ({ url, name: 'ops', ...given })) });
  return new Courier(rules, store, clock);
}

const theDelivery = async () => (await store.deliveries({ limit: 1 }))[0]!;

describe('the courier', () => {
  it('signs as Standard Webhooks says, so that its own library takes it', async () => {
    const incident = (await store.open(REPORT, ['ops']))!;
    await courier({ secret: SECRET }).send();
    const [{ headers, body }] = received as [Received];
    const verified = new Receiver(SECRET).verify(body, headers as Record<string, string>);
    expect(verified).toEqual({
      type: 'incident.opened',
      timestamp: incident.openedAt.toISOString(),
      data: { ...REPORT, id: incident.id, opened_at: incident.openedAt.toISOString() },
      text: 'Opened: Worker "w" &lt;is&gt; failing &amp; more',
    });
    expect(headers).toMatchObject({ 'content-type': 'application/json' });
    expect(headers['webhook-id']).toBe((await theDelivery()).id);
    expect(await theDelivery()).toMatchObject({ state: 'delivered', status: 204, attempts: 1 });
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    expect(() => new Receiver(other).verify(body, headers as Record<string, string>)).toThrow();
    expect(() => new Receiver(SECRET).verify(`${body} `, headers as Record<string, string>)).toThrow();
  });

  it('tells of the end with how long it took', async () => {
    await store.open(REPORT, ['ops']);
    await clock.advance('125m');
    await store.close(REPORT, ['ops']);
    await courier({ secret: SECRET }).send();
    const bodies = received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    const [opened, closed] = bodies.sort((a, b) => (String(a['type']) < String(b['type']) ? 1 : -1));
    expect(opened).toMatchObject({ type: 'incident.opened' });
    expect(opened!['data']).not.toHaveProperty('closed_at');
    expect(closed).toMatchObject({
      type: 'incident.closed',
      timestamp: new Date(clock.now()).toISOString(),
      data: { closed_at: new Date(clock.now()).toISOString() },
      text: expect.stringMatching(/^Closed after 2 h 5 m: Worker/),
    });
  });

  it('sends Slack nothing but a text, unsigned', async () => {
    await store.open(REPORT, ['ops']);
    await courier({ format: 'slack' }).send();
    const [{ headers, body }] = received as [Received];
    expect(JSON.parse(body)).toEqual({ text: 'Opened: Worker "w" &lt;is&gt; failing &amp; more' });
    expect(Object.keys(headers).filter((name) => name.startsWith('webhook'))).toEqual([]);
  });

  it('tries again with growing pauses, with the same id and another timestamp, and gives up at last', async () => {
    await store.open(REPORT, ['ops']);
    const sender = courier({ secret: SECRET });
    for (const wait of RETRY_AFTER) {
      answers.push({ status: 500 });
      await sender.send();
      expect(await theDelivery()).toMatchObject({
        state: 'pending',
        status: 500,
        error: 'It answered with status 500',
        dueAt: new Date(clock.now() + wait),
      });
      await clock.advance(wait - 1);
      await sender.send();
      await clock.advance(1);
    }
    answers.push({ status: 500 });
    await sender.send();
    expect(received).toHaveLength(RETRY_AFTER.length + 1);
    expect(await theDelivery()).toMatchObject({ state: 'failed', attempts: RETRY_AFTER.length + 1 });
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(received.length);
    await clock.advance('7d');
    await sender.send();
    expect(received).toHaveLength(RETRY_AFTER.length + 1);
    await store.resend((await theDelivery()).id);
    await sender.send();
    expect(await theDelivery()).toMatchObject({ state: 'delivered' });
  });

  it.each([
    ['a receiver that is gone for good', 410, {}, 'failed', undefined],
    ['one that asks for more time', 429, { 'retry-after': '90' }, 'pending', 90_000],
    ['one that asks for less', 503, { 'retry-after': '1' }, 'pending', RETRY_AFTER[0]],
    ['one that asks for years', 503, { 'retry-after': '999999999' }, 'pending', 86_400_000],
    [
      'one that names an instant, by its own clock',
      429,
      { 'retry-after': 'Thu, 01 Jan 2015 00:02:00 GMT', date: 'Thu, 01 Jan 2015 00:00:00 GMT' },
      'pending',
      120_000,
    ],
    [
      'one that names an instant of the past',
      429,
      { 'retry-after': 'Thu, 01 Jan 2015 00:00:00 GMT', date: 'Thu, 01 Jan 2015 00:02:00 GMT' },
      'pending',
      RETRY_AFTER[0],
    ],
    ['one that asks for nonsense', 503, { 'retry-after': 'soon' }, 'pending', RETRY_AFTER[0]],
    ['one that leads elsewhere', 302, { location: 'http://127.0.0.1:1/' }, 'pending', RETRY_AFTER[0]],
    ['one that refuses', 400, {}, 'pending', RETRY_AFTER[0]],
  ] as const)('heeds %s', async (_what, status, headers, state, wait) => {
    await store.open(REPORT, ['ops']);
    answers.push({ status, headers });
    await courier({ secret: SECRET }).send();
    expect(received).toHaveLength(1);
    const dueAt = wait === undefined ? undefined : new Date(clock.now() + wait);
    expect(await theDelivery()).toMatchObject({ state, status, ...(dueAt && { dueAt }) });
  });

  it('tries again what cannot be reached or does not answer, and shows neither path nor secret', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await store.open(REPORT, ['away', 'silent']);
    await courier(
      { name: 'away', url: 'http://127.0.0.1:1/secret-path', secret: SECRET },
      { name: 'silent', url: `http://127.0.0.1:${port}/secret-path`, secret: SECRET, timeout: 50 },
    ).send();
    const sent = await store.deliveries({ limit: 10 });
    expect(sent.map(({ state, attempts }) => [state, attempts])).toEqual([['pending', 1], ['pending', 1]]); // prettier-ignore
    for (const { error } of sent) expect(error).toBeTruthy();
    expect(JSON.stringify(sent)).not.toMatch(/secret-path|whsec/);
    silent.closeAllConnections();
    silent.close();
  });

  it('leaves what is for a webhook that only others know', async () => {
    await store.open(REPORT, ['elsewhere']);
    await courier({ secret: SECRET }).send();
    expect(received).toEqual([]);
    expect(await theDelivery()).toMatchObject({ state: 'pending', attempts: 0 });
  });

  it('sends what comes while it is sending, and a webhook that fails keeps none from another', async () => {
    const sender = courier({ secret: SECRET }, { name: 'away', url: 'http://127.0.0.1:1/', secret: SECRET });
    for (let n = 0; n < 15; n++) await store.open({ ...REPORT, subject: `w${n}` }, ['ops', 'away']);
    const sending = sender.send();
    await store.open({ ...REPORT, subject: 'late' }, ['ops']);
    await Promise.all([sending, sender.send(), sender.send()]);
    expect(received).toHaveLength(16);
    expect(await store.deliveries({ state: 'pending', limit: 100 })).toHaveLength(15);
  });

  it('tells the others while a webhook does not answer, and ends without its answer when the application does', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    for (let n = 0; n < 25; n++) await store.open({ ...REPORT, subject: `w${n}` }, ['silent', 'ops']);
    const all = new Promise<void>((resolve) => {
      server.on('request', (request) => request.once('end', () => received.length === 25 && resolve()));
    });
    const sender = courier(
      { name: 'silent', url: `http://127.0.0.1:${port}/`, secret: SECRET },
      { secret: SECRET },
    );
    const sending = sender.send();
    await all;
    sender.onApplicationShutdown();
    await sending;
    await sender.send();
    const ofSilent = await store.deliveries({ endpoint: 'silent', limit: 100 });
    // They are taken, and sent again when the time for an answer is over.
    expect(ofSilent.filter(({ attempts }) => attempts > 0)).toHaveLength(10);
    expect(ofSilent.every(({ state, error }) => state === 'pending' && error === undefined)).toBe(true);
    silent.closeAllConnections();
    silent.close();
  });

  it('asks nothing of the store without webhooks', async () => {
    const untouched = new Courier(incidentRules(), undefined as never, new SystemClock());
    await untouched.send();
    expect(received).toEqual([]);
  });
});
