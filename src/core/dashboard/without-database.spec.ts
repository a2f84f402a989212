import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { EventStream } from '../../../test/support/event-stream.js';
import { eventually } from '../../../test/support/eventually.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { postgres } from '../postgres/postgres.coordinator.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { WorkerModule } from '../worker.module.js';
import { WorkerDashboardModule } from './worker-dashboard.module.js';

const TOKEN = 'a-token-of-the-test';

describe('the HTTP interface while the database is away', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  afterEach(async () => {
    await app.close();
    await proxy.close();
  });

  it('answers for this replica and says so, refuses what needs the database by a 503, and goes on when it is back', async () => {
    const through = await TcpProxy.before(database.url);
    proxy = through.proxy;
    const module = await Test.createTestingModule({
      imports: [
        WorkerModule.forRoot({ coordination: postgres({ connectionString: through.url }) }),
        WorkerDashboardModule.forRoot({ token: TOKEN, openReads: true }),
      ],
    })
      .setLogger(false as never)
      .compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    const scheduler = app.get(Scheduler);
    scheduler.register({ name: 'one', interval: '1h', run() {} });
    await (
      await scheduler.trigger('one')
    ).ended;
    const source = async () => {
      const answer = await fetch(`${url}/workers/one`);
      return [answer.status, ((await answer.json()) as { source: string }).source];
    };
    expect(await source()).toEqual([200, 'cluster']);
    const stream = await EventStream.open(`${url}/dashboard/live`);
    await stream.message(
      ({ event, data }) => event === 'snapshot' && data.source === 'cluster' && data.coordinated === true,
    );

    proxy.refuse();
    await eventually(async () => (await source()).join() === '200,replica');
    const list = await fetch(`${url}/workers`);
    expect([list.status, list.headers.get('x-workers-source')]).toEqual([200, 'replica']);
    await stream.message(({ event, data }) => event === 'change' && data.source === 'replica');
    for (const path of [
      '/runs',
      '/workers/one/runs',
      '/replicas',
      '/runs/b2f7a5a6-3c1c-4f5e-9a53-1f0f3a0a9f10',
    ])
      expect([path, await refusal(await fetch(url + path))]).toEqual([path, UNAVAILABLE]);
    for (const path of ['/workers/one/trigger', '/workers/one/pause'])
      expect([
        path,
        await refusal(await fetch(url + path, { method: 'POST', headers: { 'x-workers-token': TOKEN } })),
      ]).toEqual([path, UNAVAILABLE]);
    const bulk = await fetch(`${url}/workers/pause?all=true`, {
      method: 'POST',
      headers: { 'x-workers-token': TOKEN },
    });
    expect(await bulk.json()).toMatchObject({
      changed: [],
      failed: expect.arrayContaining([
        { name: 'one', detail: expect.stringMatching(/^The database cannot be used/) },
      ]),
    });

    proxy.restore();
    await eventually(async () => (await source()).join() === '200,cluster');
    // What happened meanwhile has to be asked for.
    await stream.message(({ event, data }) => event === 'change' && data.source === 'cluster' && data.more);
    await stream.close();
  });
});

const UNAVAILABLE = {
  status: 503,
  detail: expect.stringMatching(/^The database cannot be used at the moment: ./),
};

async function refusal(answer: Response): Promise<unknown> {
  const { status, detail } = (await answer.json()) as { status: number; detail: string };
  return { status, detail };
}
