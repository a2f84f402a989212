import { type INestApplication, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { gate } from '../../../test/support/gate.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type Worker } from '../worker/worker.js';
import { WorkerModule } from '../worker.module.js';
import { WorkerDashboardModule } from './worker-dashboard.module.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- answers of any shape */

const TOKEN = 'a-token-of-the-test';

describe.each([
  ['Express', ExpressAdapter],
  ['Fastify', FastifyAdapter],
] as [string, Type<ExpressAdapter | FastifyAdapter>][])('the whole API on %s', (_name, Adapter) => {
  let app: INestApplication;
  let url: string;

  async function start(...workers: Worker[]): Promise<Scheduler> {
    const module = await Test.createTestingModule({
      imports: [WorkerModule.forRoot(), WorkerDashboardModule.forRoot({ token: TOKEN, openReads: true })],
    })
      .setLogger(false as never)
      .compile();
    app = module.createNestApplication(new Adapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    const scheduler = app.get(Scheduler);
    for (const worker of workers) scheduler.register(worker);
    return scheduler;
  }
  afterEach(() => app.close());

  const get = async (path: string): Promise<{ status: number; body: any }> => {
    const answer = await fetch(url + path);
    return { status: answer.status, body: await answer.json() };
  };
  const post = async (path: string, body?: unknown): Promise<{ status: number; body: any }> => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: {
        'x-workers-token': TOKEN,
        'x-workers-actor': 'ann',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const run = () => {};

  it('finds workers by state, condition, group, criticality and text', async () => {
    const scheduler = await start(
      { name: 'invoices.send', interval: 0, group: 'billing', description: 'Sends invoices', run },
      { name: 'invoices.collect', interval: 0, group: 'billing', critical: true, run },
      {
        name: 'fails',
        interval: 0,
        run() {
          throw new Error('as told');
        },
      },
    );
    await scheduler.pause('invoices.send');
    for (let i = 0; i < 3; i++) await (await scheduler.trigger('fails')).ended;
    const names = async (query: string) =>
      (await get(`/workers?${query}`)).body.map(({ name }: { name: string }) => name);
    expect(await names('state=paused')).toEqual(['invoices.send']);
    expect(await names('state=idle,paused&group=billing')).toEqual(['invoices.collect', 'invoices.send']);
    expect(await names('condition=failing,stuck')).toEqual(['fails']);
    expect(await names('critical=true')).toEqual(['invoices.collect']);
    expect(await names('text=SENDS')).toEqual(['invoices.send']);
    expect(await names('text=billing&critical=false')).toEqual(['invoices.send']);
    expect(await names('group=bill')).toEqual([]);
    expect(await names('source=replica')).toHaveLength(3);
    for (const query of ['state=busy', 'condition=', 'critical=yes', 'stat=idle', 'text=%00'])
      expect([query, (await get(`/workers?${query}`)).status]).toEqual([query, 400]);
  });

  it('shows the whole definition of a worker, and the schedule that it has now', async () => {
    await start({
      name: 'whole',
      interval: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
      timeout: '30s',
      overlap: 'queueOne',
      maxAttempts: 5,
      backoff: { initial: '1s', factor: 3, max: '1m' },
      jitter: '5s',
      catchUp: true,
      startDeadline: '1h',
      until: new Date('2999-01-01'),
      limit: 9,
      on: ['invoice.paid'],
      run,
    });
    expect((await get('/workers/whole')).body).toMatchObject({
      name: 'whole',
      definition: {
        cron: '0 3 * * *', time_zone: 'Europe/Berlin', timeout_ms: 30_000, overlap: 'queueOne', scope: 'cluster', max_attempts: 5,
        backoff: { initial_ms: 1_000, factor: 3, max_ms: 60_000 }, jitter: '5s', catch_up: 'always', start_deadline_ms: 3_600_000,
        until: '2999-01-01T00:00:00.000Z', limit: 9, on: ['invoice.paid'], spacing: 'slot', record: 'all', enabled: true,
        defined_in: expect.any(String),
      },
    }); // prettier-ignore
    expect((await get('/workers/whole')).body.definition).not.toHaveProperty('rescheduled');
    expect(await post('/workers/whole/reschedule', { interval: '90s' })).toMatchObject({
      status: 200,
      body: {
        interval: 90_000,
        last_change: { change: 'rescheduled', actor: 'ann' },
        definition: { cron: '0 3 * * *', rescheduled: { interval_ms: 90_000 } },
      },
    });
    const cron = { cron: '30 4 * * *', time_zone: 'UTC' };
    expect((await post('/workers/whole/reschedule', cron)).body.definition.rescheduled).toEqual(cron);
    expect(
      (await post('/workers/whole/reschedule', { at: '2031-01-01T00:00:00Z' })).body.definition.rescheduled,
    ).toEqual({ at: '2031-01-01T00:00:00.000Z' });
  });

  it.each([
    [undefined, /give \{ "interval"/],
    [[], /There is no schedule/],
    [{}, /There is no schedule/],
    [{ interval: '1s', cron: '* * * * *' }, /There are several: interval, cron/],
    [{ interval: true }, /interval is neither a text nor a number/],
    [{ interval: 'soon' }, /keeps its schedule/],
    [{ interval: -1 }, /keeps its schedule/],
    [{ interval: '1s', time_zone: 'UTC' }, /There is no field "time_zone" with interval/],
    [{ cron: '99 * * * *' }, /keeps its schedule/],
    [{ cron: '* * * * *', time_zone: 'Moon' }, /is not a time zone/],
    [{ cron: 5 }, /cron is no text/],
    [{ at: 'tomorrow' }, /at: give an instant/],
  ])('reschedules nothing for %j', async (body, message) => {
    await start({ name: 'one', interval: '1h', run });
    expect(await post('/workers/one/reschedule', body)).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(message) },
    });
    expect((await get('/workers/one')).body.interval).toBe(3_600_000);
  });

  it('waits for the end of a run that it triggers, up to the time that is asked for', async () => {
    const may = gate();
    await start(
      { name: 'quick', interval: 0, run: ({ metric }) => metric('rows', 3) },
      { name: 'slow', interval: 0, run: () => may.opened },
    );
    expect(await post('/workers/quick/trigger?wait=30s')).toMatchObject({
      status: 200,
      body: { run_id: expect.any(String), outcome: 'succeeded', metrics: { rows: 3 }, actor: 'ann' },
    });
    const late = await post('/workers/slow/trigger?wait=10');
    expect([late.status, Object.keys(late.body)]).toEqual([202, ['run_id']]);
    may.open();
    for (const wait of ['', '0', 'soon', '6m', '-1s', '1e9'])
      expect([wait, (await post(`/workers/quick/trigger?wait=${wait}`)).status]).toEqual([wait, 400]);
    expect((await get('/runs?worker=quick')).body.items).toHaveLength(1);
  });

  it('says why a run that is waited for never starts', async () => {
    const may = gate();
    const scheduler = await start({ name: 'one', interval: 0, overlap: 'queueOne', run: () => may.opened });
    await scheduler.trigger('one');
    const waiting = post('/workers/one/trigger?wait=1m');
    let answered = false;
    void waiting.then(() => (answered = true));
    await eventually(async () => {
      // It takes the place of the one that waits, if that is there already.
      await scheduler.trigger('one');
      return answered;
    });
    expect(await waiting).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('will not start') },
    });
    may.open();
  });

  it('shows one run with its payload and where it ran, and makes it again', async () => {
    const seen: unknown[] = [];
    await start({
      name: 'one',
      interval: 0,
      run({ payload, logger }) {
        seen.push(payload);
        logger.log('<b>said</b>');
        throw new Error('outer', { cause: new TypeError('inner') });
      },
    });
    const payload = { tenant: 'a', list: [1, { deep: '💥' }] };
    const { body: first } = await post('/workers/one/trigger?wait=1m', payload);
    const { body: whole } = await get(`/runs/${first.run_id}`);
    expect(whole).toMatchObject({
      payload,
      actor: 'ann',
      outcome: 'failed',
      error: { message: 'outer', cause: { name: 'TypeError', message: 'inner' } },
      log: { lines: [{ message: '<b>said</b>' }] },
      ran_on: { id: first.replica, pid: process.pid, host: expect.any(String), alive: true },
    });
    expect((await get('/runs')).body.items[0]).not.toHaveProperty('payload');

    const again = await post(`/runs/${first.run_id}/rerun?wait=1m`);
    expect(again).toMatchObject({ status: 200, body: { trigger: 'manual', worker: 'one' } });
    expect(again.body.run_id).not.toBe(first.run_id);
    expect(seen).toEqual([payload, payload]);
    expect((await post(`/runs/${first.run_id}/rerun`)).status).toBe(202);
    for (const id of ['no-id', first.replica]) {
      expect((await post(`/runs/${id}/rerun`)).status).toBe(404);
      expect((await get(`/runs/${id}`)).body.detail).toMatch(/is recorded: it waits and has not begun yet/);
    }
  });

  it('makes no run again whose payload was too long to be kept', async () => {
    const scheduler = await start({ name: 'one', interval: 0, run });
    const { runId, ended } = await scheduler.trigger('one', 'x'.repeat(300_000));
    await ended;
    expect((await get(`/runs/${runId}`)).body).toMatchObject({ payload_omitted: true });
    expect(await post(`/runs/${runId}/rerun`)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('was not kept') },
    });
  });

  it('pauses and resumes all that match, and nothing where nobody says which', async () => {
    await start(
      { name: 'a1', interval: '1h', group: 'a', run },
      { name: 'a2', interval: '1h', group: 'a', run },
      { name: 'b1', interval: '1h', group: 'b', run },
    );
    const paused = async () => (await get('/workers?state=paused')).body.map(({ name }: any) => name);
    expect(await post('/workers/pause?group=a')).toEqual({
      status: 200,
      body: { changed: ['a1', 'a2'], failed: [] },
    });
    expect(await paused()).toEqual(['a1', 'a2']);
    expect((await get('/workers/a1')).body.last_change.actor).toBe('ann');
    for (const path of [
      '/workers/resume',
      '/workers/pause',
      '/workers/pause?all=false',
      '/workers/pause?all=true&group=a',
    ])
      expect([path, (await post(path)).status]).toEqual([path, 400]);
    expect((await post('/workers/resume?state=paused&text=A2')).body.changed).toEqual(['a2']);
    expect((await post('/workers/pause?all=true')).body.changed).toEqual(['a1', 'a2', 'b1']);
    expect((await post('/workers/resume?all=true')).body.changed).toEqual(['a1', 'a2', 'b1']);
    expect(await paused()).toEqual([]);
  });

  it('tells what comes next, with the time zone of cron expressions', async () => {
    const scheduler = await start(
      { name: 'often', interval: '10m', run },
      { name: 'daily', interval: { cron: '0 3 * * *', timeZone: 'Asia/Tokyo' }, run },
      { name: 'on events', interval: 0, run },
    );
    const { items } = (await get('/workers/daily/upcoming?limit=3')).body;
    expect(items.map(({ at }: any) => at.slice(11))).toEqual(Array(3).fill('18:00:00.000Z'));
    expect(items[0]).toMatchObject({ worker: 'daily', time_zone: 'Asia/Tokyo' });
    expect((await get('/workers/on%20events/upcoming')).body).toEqual({ items: [] });

    const all = (await get('/runs/upcoming?limit=200')).body.items;
    expect(all).toHaveLength(200);
    expect(all).toEqual([...all].sort((a: any, b: any) => (a.at < b.at ? -1 : 1)));
    expect(new Set(all.map(({ worker }: any) => worker))).toEqual(new Set(['daily', 'often']));
    await scheduler.pause('often');
    const rest = (await get('/runs/upcoming?limit=5')).body.items;
    expect(rest.map(({ worker }: any) => worker)).toEqual(Array(5).fill('daily'));
  });

  it('names the replica', async () => {
    await start();
    expect(await get('/replicas?alive=true')).toMatchObject({
      status: 200,
      body: { items: [{ pid: process.pid, host: expect.any(String), alive: true, this: true }] },
    });
  });

  it.each([
    ['GET', '/workers/one'], ['GET', '/dashboard/live'], ['GET', '/dashboard/tabs'], ['GET', '/replicas'], ['GET', '/runs/upcoming'],
    ['GET', '/workers/one/upcoming'], ['POST', '/workers/one/pause'], ['POST', '/workers/one/resume'], ['POST', '/workers/one/trigger'],
    ['POST', '/workers/one/reschedule'], ['POST', '/workers/pause'], ['POST', '/runs/x/cancel'], ['POST', '/runs/x/rerun'],
  ])('refuses a parameter that there is not: %s %s', async (method, path) => {
    await start({ name: 'one', interval: 0, run });
    const answer = await fetch(`${url}${path}?verbose=1`, { method, headers: { 'x-workers-token': TOKEN } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('"verbose"') });
    expect((await get('/runs')).body.items).toEqual([]);
  }); // prettier-ignore
});
