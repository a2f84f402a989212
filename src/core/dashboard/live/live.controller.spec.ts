import { type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase } from '../../../../test/support/database.js';
import { EventStream } from '../../../../test/support/event-stream.js';
import { eventually } from '../../../../test/support/eventually.js';
import { Incidents, IncidentsModule } from '../../incidents/index.js';
import { postgres } from '../../postgres/postgres.coordinator.js';
import { Scheduler } from '../../scheduler/scheduler.js';
import { WorkerModule } from '../../worker.module.js';
import { type WorkerModuleOptions } from '../../worker-module.options.js';
import { WorkerDashboardModule } from '../worker-dashboard.module.js';
import { LiveFeed } from './live-feed.js';

const TOKEN = 'a-token-of-the-test';
const AUTHORIZED = { headers: { authorization: `Bearer ${TOKEN}` } };

interface Replica {
  app: INestApplication;
  url: string;
  scheduler: Scheduler;
  feed: LiveFeed;
}

describe('the live stream', () => {
  const replicas: Replica[] = [];
  const streams: EventStream[] = [];

  async function start(
    options: WorkerModuleOptions = {},
    Adapter: Type<ExpressAdapter | FastifyAdapter> = ExpressAdapter,
    imports: DynamicModule[] = [],
  ): Promise<Replica> {
    const module = await Test.createTestingModule({
      imports: [WorkerModule.forRoot(options), WorkerDashboardModule.forRoot({ token: TOKEN }), ...imports],
    })
      .setLogger(false as never)
      .compile();
    const app = module.createNestApplication(new Adapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    const replica = {
      app,
      url: await app.getUrl(),
      scheduler: app.get(Scheduler),
      feed: app.get(LiveFeed),
    };
    replicas.push(replica);
    return replica;
  }

  async function listen({ url }: Replica): Promise<EventStream> {
    const stream = await EventStream.open(`${url}/dashboard/live`, AUTHORIZED);
    streams.push(stream);
    return stream;
  }

  afterEach(async () => {
    await Promise.all(streams.splice(0).map((stream) => stream.close()));
    await Promise.all(replicas.splice(0).map(({ app }) => app.close()));
  });

  it.each([
    ['Express', ExpressAdapter],
    ['Fastify', FastifyAdapter],
  ] as [string, Type<ExpressAdapter | FastifyAdapter>][])(
    'begins with all workers and goes on with what changes, on %s',
    async (_name, Adapter) => {
      const replica = await start({}, Adapter);
      const { scheduler } = replica;
      scheduler.register({
        name: 'fails',
        interval: 0,
        run() {
          throw new Error('x'.repeat(1_000));
        },
      });
      scheduler.register({ name: 'idle', interval: '1h', run() {} });
      const stream = await listen(replica);
      expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      expect(stream.response.headers.get('cache-control')).toBe('no-store, no-transform');
      const { data } = await stream.message(({ event }) => event === 'snapshot');
      expect(data).toEqual({
        at: expect.stringMatching(/Z$/),
        source: 'replica',
        coordinated: false,
        workers: [
          expect.objectContaining({ name: 'fails', run_count: 0, source: 'replica' }),
          expect.objectContaining({ name: 'idle', interval: 3_600_000 }),
        ],
      });

      const { runId } = await scheduler.trigger('fails', undefined, { actor: 'ann' });
      const change = await stream.message(
        ({ event, data }) => event === 'change' && data.runs[0]?.outcome === 'failed',
      );
      // Of the worker that nothing happened to it says nothing.
      expect(change.data).toEqual({
        at: expect.any(String),
        source: 'replica',
        workers: [expect.objectContaining({ name: 'fails', run_count: 1 })],
        removed: [],
        more: false,
        incidents: false,
        runs: [
          expect.objectContaining({
            id: runId,
            worker: 'fails',
            actor: 'ann',
            error: { name: 'Error', message: `${'x'.repeat(300)}…` },
          }),
        ],
      });

      await scheduler.unregister('idle');
      await stream.message(({ event, data }) => event === 'change' && data.removed[0] === 'idle');
    },
  );

  it('tells what happens at a time together', async () => {
    const replica = await start();
    for (let n = 0; n < 100; n++) replica.scheduler.register({ name: `w${n}`, interval: 0, run() {} });
    const stream = await listen(replica);
    await stream.message(({ event }) => event === 'snapshot');
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => (await replica.scheduler.trigger(`w${n}`)).ended),
    );
    const told = new Set<string>();
    await stream.message(({ event, data }) => {
      if (event === 'change')
        for (const { id, outcome } of data.runs as { id: string; outcome: string }[])
          if (outcome === 'succeeded') told.add(id);
      return told.size === 100;
    });
    expect(stream.messages.length).toBeLessThan(20);
  });

  it('says that there are more runs than it tells', async () => {
    const replica = await start();
    replica.scheduler.register({ name: 'often', interval: 0, overlap: 'allow', run() {} });
    const stream = await listen(replica);
    await stream.message(({ event }) => event === 'snapshot');
    await Promise.all(
      Array.from({ length: 1_500 }, async () => (await replica.scheduler.trigger('often')).ended),
    );
    const change = await stream.message(({ event, data }) => event === 'change' && data.more);
    expect(change.data.runs.length).toBeLessThanOrEqual(500);
  });

  it('looks once for all who listen, and not at all when nobody does', async () => {
    const replica = await start();
    const three = [await listen(replica), await listen(replica), await listen(replica)];
    for (const stream of three) await stream.message(({ event }) => event === 'snapshot');
    expect(replica.feed.size).toBe(3);
    for (const stream of three) await stream.close();
    await eventually(() => replica.feed.size === 0);
    replica.scheduler.register({ name: 'later', interval: 0, run() {} });
    const stream = await listen(replica);
    const { data } = await stream.message(({ event }) => event === 'snapshot');
    expect(data.workers).toMatchObject([{ name: 'later' }]);
  });

  it('ends when the application shuts down, and keeps it from nothing', async () => {
    const replica = await start();
    const stream = await listen(replica);
    await stream.message(({ event }) => event === 'snapshot');
    await replica.app.close();
    await stream.message(({ event }) => event === 'end');
    await stream.done;
    expect(() => replica.feed.check()).toThrow('shutting down');
  });

  it('needs the token, and answers HEAD without staying', async () => {
    const replica = await start();
    expect((await fetch(`${replica.url}/dashboard/live`)).status).toBe(401);
    const head = await fetch(`${replica.url}/dashboard/live`, { method: 'HEAD', ...AUTHORIZED });
    expect([head.status, await head.text(), replica.feed.size]).toEqual([200, '', 0]);
  });

  it('tells what happens on every replica of the cluster', async () => {
    const database = await createTestDatabase();
    const coordination = () => postgres({ connectionString: database.url });
    const [one, other] = [
      await start({ coordination: coordination() }),
      await start({ coordination: coordination() }),
    ];
    for (const { scheduler } of [one, other]) {
      scheduler.register({ name: 'shared', interval: 0, run: ({ progress }) => progress(1, 2) });
      scheduler.register({
        name: 'own',
        interval: 0,
        scope: 'replica',
        run() {
          throw new Error('of the other replica');
        },
      });
    }
    const stream = await listen(one);
    const { data } = await stream.message(({ event }) => event === 'snapshot');
    expect(data).toMatchObject({
      source: 'cluster',
      workers: expect.arrayContaining([
        expect.objectContaining({ name: 'own', source: 'replica' }),
        expect.objectContaining({ name: 'shared', source: 'cluster' }),
      ]),
    });
    await other.scheduler.pause('shared', { actor: 'ann' });
    await stream.message(
      ({ event, data }) =>
        event === 'change' &&
        (data.workers as { name: string; state: string }[]).some(
          ({ name, state }) => name === 'shared' && state === 'paused',
        ),
    );
    for (const name of ['shared', 'own']) {
      const { runId } = await other.scheduler.trigger(name);
      const outcome = name === 'own' ? 'failed' : 'succeeded';
      await stream.message(
        ({ event, data }) =>
          event === 'change' &&
          (data.runs as { id: string; outcome: string }[]).some(
            (run) => run.id === runId && run.outcome === outcome,
          ),
      );
    }
    await stream.close();
    await Promise.all(replicas.splice(0).map(({ app }) => app.close()));
    await database.drop();
  });

  it('says that incidents or silences have changed, on any replica of the cluster', async () => {
    const database = await createTestDatabase();
    const replica = () =>
      start({ coordination: postgres({ connectionString: database.url }) }, ExpressAdapter, [
        IncidentsModule.forRoot(),
      ]);
    const [one, other] = [await replica(), await replica()];
    const incidents = other.app.get(Incidents);
    const key = { kind: 'shop', subject: 'shoes', condition: 'empty' };
    const stream = await listen(one);
    await stream.message(({ event }) => event === 'snapshot');
    for (const change of [
      () => incidents.report({ ...key, summary: 'No shoes are left' }),
      () => incidents.silence({ ...key, for: '1h' }),
      async () => incidents.endSilence((await incidents.silences())[0]!.id),
      () => incidents.resolve(key),
      // Its own are told without a look at the others.
      () => one.app.get(Incidents).report({ ...key, summary: 'No shoes are left again' }),
    ]) {
      stream.messages.length = 0;
      await change();
      await stream.message(({ data }) => data.incidents);
    }
    await stream.close();
    await Promise.all(replicas.splice(0).map(({ app }) => app.close()));
    await database.drop();
  });
});
