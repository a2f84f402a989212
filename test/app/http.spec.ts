import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { get } from 'node:http';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench, TOKEN } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { answerOf, instancesIn, loseWorkload } from '../support/fleet.js';
import { fleetFile } from '../support/fleet-file.js';

describe('the HTTP interface of the app', () => {
  const workbench = appWorkbench(afterAll);
  let database: TestDatabase;
  let directory: string;
  let app: AppProcess;

  beforeAll(async () => {
    database = await createTestDatabase();
    directory = await workbench.directory();
    const FLEET = await fleetFile(
      directory,
      { lost: { replicas: 1, stopAfter: 1_500 }, kept: { replicas: 1 } },
      { interval: 0, instanceGracePeriod: 0 },
    );
    app = workbench.start(join(directory, 'data'), { env: { FLEET, DATABASE_URL: database.url } });
    await app.said(/2 instances are running/);
    const [instance] = await instancesIn(database.url);
    // Before that it does not know that it should take its time to end.
    await answerOf(instance!.url);
  });
  afterAll(() => database.drop());

  it('leads from its address to the page', async () => {
    const answer = await fetch(await app.url());
    expect(answer.url).toBe(`${await app.url()}/dashboard/index.html`);
    expect(await answer.text()).toContain('<title>Workers</title>');
  });

  it('describes all that it answers by OpenAPI 3.1, where it says so at its start', async () => {
    const [, url] = /^ {2}OpenAPI {4}(\S+)$/m.exec(app.output)!;
    const answer = await fetch(url!);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const { openapi, paths, components } = (await answer.json()) as Record<string, object>;
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths!)).toEqual(
      expect.arrayContaining([
        '/workers',
        '/runs/{id}',
        '/incidents',
        '/certificates',
        '/gc/brakes',
        '/events',
      ]),
    );
    expect(components).toMatchObject({ securitySchemes: { 'workers-token': { name: 'X-Workers-Token' } } });
  });

  it('shows metrics of its workers to Prometheus', async () => {
    const metrics = async () => (await fetch(`${await app.url()}/metrics`)).text();
    const counted = (text: string) =>
      /^worker_runs_total\{.*worker_name="health_runner".*\} [1-9]/m.exec(text);
    const text = await eventually(async () => {
      const shown = await metrics();
      return counted(shown) && shown;
    });
    for (const line of [/^worker_run_duration_bucket\{.*le="0.01"/m, /^worker_records_dropped_total\S* 0/m])
      expect(text).toMatch(line);
  });

  it('refuses to trigger without the token, and with a wrong one', async () => {
    for (const token of [undefined, 'wrong', `${TOKEN}x`, ''])
      expect((await app.post('/workers/gc/trigger', token)).status).toBe(401);
    expect((await app.get('/workers/gc/runs')).body).toEqual({ items: [] });
  });

  it('does not know a worker that there is not, and names those that there are', async () => {
    expect(await app.post('/workers/gcc/trigger', TOKEN)).toMatchObject({
      status: 404,
      body: {
        detail: expect.stringMatching(/^No worker is named "gcc"\. There are: .*\bgc\b.*\bworkers_retention/),
      },
    });
    expect((await app.get('/workers/gcc')).status).toBe(404);
    expect((await app.get('/workers/gcc/runs')).status).toBe(404);
  });

  it('refuses to trigger while a run is active, and names the run', async () => {
    await loseWorkload(database.url, 'lost');
    const { status, body } = await app.post<{ run_id: string }>('/workers/gc/trigger', TOKEN);
    expect(status).toBe(202);
    await eventually(async () =>
      (await instancesIn(database.url)).some(({ state }) => state === 'destroying'),
    );
    expect(await app.post('/workers/gc/trigger', TOKEN)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining(body.run_id) },
    });
    await eventually(async () => (await instancesIn(database.url)).length === 1);
  });

  it.each(['0', '-1', '1001', '99999999999999999999', '1e3', 'all', ''])(
    'refuses limit=%s',
    async (limit) => {
      for (const path of ['/workers/gc/runs', '/events'])
        expect(await app.get(`${path}?limit=${limit}`)).toMatchObject({
          status: 400,
          body: { detail: expect.stringContaining('give a whole number from 1 to 1000') },
        });
    },
  );

  it.each(['deleted', 'Instance.Deleted', `instance.deleted';--`, 'a.b%00'])(
    'refuses events of type %s',
    async (type) => {
      expect((await app.get(`/events?type=${type}`)).status).toBe(400);
    },
  );

  it('answers nobody who asks for another host', async () => {
    for (const path of ['/workers', '/events', '/health', '/nowhere'])
      expect(await askAs('rebound.example', (await app.url()) + path)).toBe(403);
    expect(await askAs('localhost:1234', `${await app.url()}/workers`)).toBe(200);
  });

  it('gives nothing for a type that never happened', async () => {
    expect(await app.get('/events?type=moon.landed')).toEqual({ status: 200, body: { items: [] } });
  });
});

/** `fetch` sets the header itself. */
function askAs(host: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on('error', reject);
  });
}

describe('an app that was given no token', () => {
  const workbench = appWorkbench();

  it('makes one, says it once, and takes no other', async () => {
    const database = await createTestDatabase();
    const directory = await workbench.directory();
    const FLEET = await fleetFile(directory, {}, { interval: 0 });
    const app = workbench.start(join(directory, 'data'), {
      env: { FLEET, DATABASE_URL: database.url, WORKERS_TOKEN: undefined },
    });
    const [, token] = await app.said(/token +([\w-]{43})\s/);
    expect((await app.post('/workers/gc/trigger', TOKEN)).status).toBe(401);
    expect((await app.post('/workers/gc/trigger', token)).status).toBe(202);
    await database.drop();
  });
});
