import { type INestApplication, Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Interval } from '../worker/interval.decorator.js';
import { type RunContext } from '../worker/run-context.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerDashboardOptions } from './dashboard.options.js';
import { WorkerDashboardModule } from './worker-dashboard.module.js';

const TOKEN = 'a-token-of-the-test';
const AUTHORIZED = { headers: { authorization: `Bearer ${TOKEN}` } };

@Injectable()
class Greeter {
  release = (): void => {};
  @Interval('greeter', '1h', { critical: true, description: 'Greets', group: 'people' })
  async greet({ payload, progress, logger, metric }: RunContext) {
    progress(1, 3);
    if ((payload as { talk?: boolean })?.talk) {
      logger.warn('hello');
      metric('greeted', 2);
    }
    if ((payload as { fail?: boolean })?.fail) throw new Error('as told');
    if ((payload as { hold?: boolean })?.hold) await new Promise<void>((resolve) => (this.release = resolve));
  }
  @Interval('other/worker', 0)
  other() {}
}

describe('the HTTP interface', () => {
  let app: INestApplication;
  let base: string;

  async function start(options: WorkerDashboardOptions): Promise<void> {
    const module = await Test.createTestingModule({
      imports: [WorkerModule.forRoot(), WorkerDashboardModule.forRoot(options)],
      providers: [Greeter],
    })
      .setLogger(false as never)
      .compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    base = await app.getUrl();
  }
  afterEach(() => app.close());

  const get = (path: string, init?: RequestInit) => fetch(base + path, init);
  const trigger = (name: string, body?: unknown, init: RequestInit = AUTHORIZED) =>
    fetch(`${base}/workers/${name}/trigger`, {
      method: 'POST',
      ...init,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { ...init.headers, 'content-type': 'application/json' },
      }),
    });

  it('lists the workers with the names of the fields that they have in the protocol', async () => {
    await start({ openReads: true });
    const workers = (await (await get('/workers')).json()) as Record<string, unknown>[];
    expect(workers).toEqual([
      {
        name: 'greeter', description: 'Greets', group: 'people', interval: 3_600_000, running: true, run_count: 0, state: 'idle', active_runs: 0,
        next_run: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), consecutive_failures: 0, skipped_count: 0, missed_count: 0,
        critical: true, conditions: [], source: 'replica',
      },
      expect.objectContaining({ name: 'other/worker', interval: 0, running: true }),
    ]); // prettier-ignore
  });

  it.each(['text/xml', 'application/octet-stream'])(
    'starts no run without the payload that was sent as %s',
    async (type) => {
      await start({ token: TOKEN, openReads: true });
      const headers = { ...AUTHORIZED.headers, 'content-type': type };
      const answer = await get('/workers/greeter/trigger', {
        method: 'POST',
        headers,
        body: '<order>7</order>',
      });
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        415,
        expect.stringContaining('application/problem+json'),
      ]);
      expect(await (await get('/workers/greeter/runs')).json()).toEqual({ items: [] });
    },
  );

  it('triggers a run with the body as payload, and shows it while it is active and when it has ended', async () => {
    await start({ token: TOKEN, openReads: true });
    const answer = await trigger('greeter', { hold: true });
    expect(answer.status).toBe(202);
    const { run_id } = (await answer.json()) as { run_id: string };

    expect(await (await get('/workers/greeter')).json()).toMatchObject({
      state: 'executing', active_runs: 1, progress: { done: 1, total: 3 }, last_run: expect.any(String),
      holder: expect.any(String),
    }); // prettier-ignore
    expect(await (await get('/workers/greeter/runs?limit=1')).json()).toMatchObject({
      items: [{ id: run_id, outcome: 'running' }],
    });

    const busy = await trigger('greeter');
    expect(busy.status).toBe(409);
    expect(await busy.json()).toMatchObject({ detail: expect.stringContaining(run_id) });

    app.get(Greeter).release();
    const runs = await ended(run_id);
    expect(runs).toMatchObject({
      outcome: 'succeeded',
      trigger: 'manual',
      worker: 'greeter',
      attempt: 1,
      started_at: expect.any(String),
      lateness_ms: Date.parse(String(runs['started_at'])) - Date.parse(String(runs['scheduled_at'])),
    });
    expect(runs).not.toHaveProperty('slot');
  });

  async function ended(id: string): Promise<Record<string, unknown>> {
    for (;;) {
      const { items } = (await (await get('/workers/greeter/runs', AUTHORIZED)).json()) as {
        items: Record<string, unknown>[];
      };
      const run = items.find((candidate) => candidate['id'] === id)!;
      if (run['outcome'] !== 'running') return run;
    }
  }

  it('answers 404 for a worker that there is not, and names those that there are', async () => {
    await start({ token: TOKEN });
    for (const answer of [
      await get('/workers/greater', AUTHORIZED),
      await get('/workers/greater/runs', AUTHORIZED),
      await trigger('greater'),
    ]) {
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({
        detail: 'No worker is named "greater". There are: greeter, other/worker',
      });
    }
  });

  it.each([
    ['a NUL character', '{"a":"\\u0000"}', /NUL character/],
    ['half a character', '["\\ud83d"]', /half a character/],
    ['49,000 brackets', '['.repeat(49_000) + ']'.repeat(49_000), /deep/],
    ['no JSON', '{"a":', /JSON/],
    ['what the application does not read', '5', /only an object or an array.+strict: false/],
  ])('answers 400 to a trigger whose body has %s, and does nothing', async (_name, body, reason) => {
    await start({ token: TOKEN });
    const answer = await get('/workers/greeter/trigger', {
      method: 'POST',
      body,
      headers: { ...AUTHORIZED.headers, 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(reason);
    expect(await (await get('/workers/greeter/runs', AUTHORIZED)).json()).toEqual({ items: [] });
  });

  it('answers 400 for a parameter that there is not, and names those that there are', async () => {
    await start({ openReads: true });
    const answer = await get('/workers/greeter/runs?limt=5');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      detail: expect.stringMatching(/^There is no parameter "limt": there are limit, outcome,/),
    });
  });

  it('finds runs of all workers, page by page and by what they are, and one by its id', async () => {
    await start({ token: TOKEN });
    const ids: string[] = [];
    for (const fail of [true, false, true]) {
      const { run_id } = (await (await trigger('greeter', { fail })).json()) as { run_id: string };
      await ended(run_id);
      ids.push(run_id);
    }
    const page = async (query: string) =>
      (await (await get(`/runs?${query}`, AUTHORIZED)).json()) as {
        items: Record<string, unknown>[];
        next?: string;
      };
    const failed = await page('outcome=failed,lost&limit=1&worker=greeter&trigger=manual&text=AS%20TOLD');
    expect(failed.items.map(({ outcome }) => outcome)).toEqual(['failed']);
    const rest = await page(`outcome=failed&limit=1&before=${failed.next}`);
    expect([failed.items[0]!['id'], rest.items[0]!['id']].sort()).toEqual([ids[0]!, ids[2]!].sort());
    expect((await page('since=2999-01-01T00:00:00Z')).items).toEqual([]);
    expect(await (await get(`/runs/${ids[1]}`, AUTHORIZED)).json()).toMatchObject({ outcome: 'succeeded' });
    for (const id of ['no-id', '%00', 'b2f7a5a6-3c1c-4f5e-9a53-1f0f3a0a9f10'])
      expect((await get(`/runs/${id}`, AUTHORIZED)).status).toBe(404);
    for (const query of ['outcome=bad', 'trigger=me', 'since=yesterday', 'before=1', 'wat=1', 'text=%00'])
      expect([query, (await get(`/runs?${query}`, AUTHORIZED)).status]).toEqual([query, 400]);
  });

  it('lists the runs of a worker page by page', async () => {
    await start({ token: TOKEN });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { run_id } = (await (await trigger('greeter')).json()) as { run_id: string };
      await ended(run_id);
      ids.unshift(run_id);
    }
    const pages: string[][] = [];
    for (let before: string | undefined = ''; before !== undefined;) {
      const path: string = `/workers/greeter/runs?limit=2${before && `&before=${before}`}`;
      const answer = await get(path, AUTHORIZED);
      const { items, next } = (await answer.json()) as { items: { id: string }[]; next?: string };
      pages.push(items.map(({ id }) => id));
      before = next;
    }
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat().sort()).toEqual([...ids].sort());
    expect((await get('/workers/greeter/runs?before=1', AUTHORIZED)).status).toBe(400);
  });

  it('cancels a run, and says 404 of one that is not on', async () => {
    await start({ token: TOKEN });
    const { run_id } = (await (await trigger('greeter', { hold: true })).json()) as { run_id: string };
    const cancel = (id: string, body?: unknown, init: RequestInit = AUTHORIZED) =>
      fetch(`${base}/runs/${id}/cancel`, {
        method: 'POST',
        ...init,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { ...init.headers, 'content-type': 'application/json' },
        }),
      });
    expect((await cancel(run_id, {}, {})).status).toBe(401);
    for (const body of [[], { actor: 1 }, { by: 'ann' }])
      expect((await cancel(run_id, body)).status).toBe(400);
    expect((await cancel(run_id, { actor: 'ann', reason: 'too slow' })).status).toBe(202);
    app.get(Greeter).release();
    expect(await ended(run_id)).toMatchObject({
      outcome: 'cancelled',
      error: { message: 'The run of "greeter" was cancelled by ann: too slow' },
    });
    expect((await cancel(run_id)).status).toBe(404);
    expect((await cancel('no-id')).status).toBe(404);
  });

  it('pauses and resumes a worker', async () => {
    await start({ token: TOKEN, openReads: true });
    const post = (path: string, init: RequestInit = AUTHORIZED) =>
      fetch(base + path, { method: 'POST', ...init });
    expect((await post('/workers/greeter/pause', {})).status).toBe(401);
    const paused = await post('/workers/greeter/pause');
    expect([paused.status, await paused.json()]).toEqual([200, expect.objectContaining({ state: 'paused' })]);
    expect(await (await get('/workers/greeter')).json()).toMatchObject({ state: 'paused' });
    expect(await (await post('/workers/greeter/resume')).json()).toMatchObject({ state: 'idle' });
    expect((await post('/workers/nobody/pause')).status).toBe(404);
  });

  it('keeps who triggers, pauses, resumes and cancels, and shows what a run logged and measured', async () => {
    await start({ token: TOKEN, openReads: true });
    const by = (actor: string) => ({ headers: { ...AUTHORIZED.headers, 'x-workers-actor': actor } });
    const post = (path: string, actor: string) => fetch(base + path, { method: 'POST', ...by(actor) });
    expect(await (await post('/workers/greeter/pause', 'ann')).json()).toMatchObject({
      last_change: { change: 'paused', actor: 'ann', at: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
    await post('/workers/greeter/resume', 'bob');
    expect(await (await get('/workers/greeter')).json()).toMatchObject({
      last_change: { change: 'resumed', actor: 'bob' },
    });

    const { run_id } = (await (await trigger('greeter', { talk: true }, by('cy'))).json()) as {
      run_id: string;
    };
    expect(await ended(run_id)).toMatchObject({
      actor: 'cy',
      release: expect.any(String),
      metrics: { greeted: 2 },
    });
    expect(await ended(run_id)).not.toHaveProperty('log');
    expect(await (await get(`/runs/${run_id}`)).json()).toMatchObject({
      log: { lines: [{ level: 'warn', message: 'hello', at: expect.stringMatching(/Z$/) }], dropped: 0 },
    });

    const held = (await (await trigger('greeter', { hold: true })).json()) as { run_id: string };
    await post(`/runs/${held.run_id}/cancel`, 'dan');
    app.get(Greeter).release();
    expect(await ended(held.run_id)).toMatchObject({
      outcome: 'cancelled',
      error: { message: expect.stringContaining('cancelled by dan') },
    });
  });

  it('finds a worker whose name has to be escaped in a path', async () => {
    await start({ openReads: true });
    expect((await get(`/workers/${encodeURIComponent('other/worker')}`)).status).toBe(200);
  });

  it.each(['0', '-1', '1001', '1e3', '5.5', 'all', '', '99999999999999999999', '1&limit=2'])(
    'answers 400 for limit=%s and names it',
    async (limit) => {
      await start({ openReads: true });
      const answer = await get(`/workers/greeter/runs?limit=${limit}`);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        detail: expect.stringMatching(
          /^limit(=.* cannot be: give a whole number from 1 to 1000| is given more than once)/,
        ),
      });
    },
  );

  it.each([
    ['no token', {}],
    ['a wrong token', { headers: { authorization: 'Bearer wrong' } }],
    ['another scheme', { headers: { authorization: `Basic ${TOKEN}` } }],
  ])('answers 401 for %s, and does nothing', async (_name, init: RequestInit) => {
    await start({ token: TOKEN });
    const answer = await trigger('greeter', {}, init);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain(TOKEN);
    expect((await get('/workers', init)).status).toBe(401);
    expect(await (await get('/workers/greeter/runs', AUTHORIZED)).json()).toEqual({ items: [] });
  });

  it('takes the token from a header of its own, where a guard of the application wants Authorization for itself', async () => {
    await start({ token: TOKEN });
    const headers = { authorization: 'Bearer of-the-application', 'x-workers-token': TOKEN };
    expect((await get('/workers', { headers })).status).toBe(200);
    expect((await get('/workers', { headers: { 'x-workers-token': 'wrong' } })).status).toBe(401);
  });

  it('is off as a whole without a token and open reads, and says so', async () => {
    await start({});
    const answer = await get('/workers', AUTHORIZED);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({
      detail: expect.stringContaining('for /workers WorkerDashboardModule.forRoot()'),
    });
  });

  it('lets nobody write where only reads are open', async () => {
    await start({ openReads: true });
    expect((await trigger('greeter')).status).toBe(403);
  });
});
