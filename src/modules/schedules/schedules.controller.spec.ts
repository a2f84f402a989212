import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type INestApplication, Injectable } from '@nestjs/common';
import { type AddressInfo } from 'node:net';
import { type Server } from 'node:http';
import { Test } from '@nestjs/testing';
import { runCommandLine } from '../../cli/program.js';
import { WorkerDashboardModule } from '../../core/dashboard/worker-dashboard.module.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { ManualClock } from '../../core/testing/manual-clock.js';
import { Clock } from '../../core/timing/clock.js';
import { WorkerModule } from '../../core/worker.module.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesHttpModule } from './schedules-http.module.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

const TOKEN = 'a token of 16 characters';

@Injectable()
class Reminders {
  readonly runs: string[] = [];
  /** Whether runs go on until they are told to end. */
  long = false;

  @Scheduled('reminder')
  async remind({ key, actor, signal }: ScheduledContext): Promise<void> {
    this.runs.push(`${key} by ${actor}`);
    if (this.long) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
}

describe('stored schedules over HTTP', () => {
  let app: INestApplication;
  let url: string;
  let clock: ManualClock;
  let schedules: Schedules;

  beforeEach(async () => {
    clock = new ManualClock();
    const module = await Test.createTestingModule({
      imports: [
        WorkerModule.forRoot(),
        SchedulesModule.forRoot({ store: 'memory' }),
        SchedulesHttpModule,
        HttpAccessModule.forRoot({ token: TOKEN }),
        WorkerDashboardModule.forRoot({ token: TOKEN }),
      ],
      providers: [Reminders],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${((app.getHttpServer() as Server).address() as AddressInfo).port}`;
    schedules = app.get(Schedules);
    for (const key of ['ada', 'a/b ü?', 'grace'])
      await schedules.upsert({
        handler: 'reminder',
        key,
        cron: '0 9 * * *',
        payload: { secret: 'tea' },
        group: 'acme',
      });
    await schedules.upsert({ handler: 'gone', key: 'x', every: '1h' });
    await clock.advance('1m');
  });
  afterEach(async () => {
    const closed = app.close();
    await clock.advance('1s');
    await closed;
  });

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of several shapes
  type Body = any;
  const ask = async (
    path: string,
    method = 'GET',
    token = TOKEN,
    body?: unknown,
  ): Promise<[status: number, body: Body]> => {
    const headers = {
      authorization: `Bearer ${token}`,
      'x-workers-actor': 'Ada',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const answer = await fetch(`${url}/${path}`, { method, headers, body: JSON.stringify(body) });
    return [answer.status, await answer.json()];
  };

  it('lists each handler once, with counts of its schedules', async () => {
    const [status, { items }] = await ask('schedules/handlers');
    expect(status).toBe(200);
    expect(items).toMatchObject([
      { id: 'gone', handler: 'gone', state: 'unknown', schedules: 1 },
      {
        id: 'reminder',
        state: 'known',
        schedules: 3,
        running: 0,
        failing: 0,
        next_run: '2026-01-01T09:00:00.000Z',
      },
    ]);
  });

  it('lists schedules page by page without their payloads, and shows one with its own', async () => {
    const [, page] = await ask('schedules?handler=reminder&limit=2');
    expect(page.items.map(({ key }: { key: string }) => key)).toEqual(['a/b ü?', 'ada']);
    expect(JSON.stringify(page)).not.toContain('tea');
    const [, rest] = await ask(`schedules?handler=reminder&limit=2&after=${page.next}`);
    expect(rest).toMatchObject({ items: [{ key: 'grace', group: 'acme', state: 'active' }] });
    expect(rest).not.toHaveProperty('next');
    const [status, one] = await ask(`schedules/reminder/${encodeURIComponent('a/b ü?')}`);
    expect([status, one.payload, one.timing]).toEqual([200, { secret: 'tea' }, { cron: '0 9 * * *' }]);
    expect(one.upcoming.slice(0, 2)).toEqual(['2026-01-01T09:00:00.000Z', '2026-01-02T09:00:00.000Z']);
    expect((await ask('schedules?state=paused'))[1]).toEqual({ items: [] });
  });

  it('pauses, resumes, triggers and removes', async () => {
    expect(await ask('schedules/reminder/ada/pause', 'POST')).toMatchObject([200, { state: 'paused' }]);
    expect(await ask('schedules/reminder/ada/resume', 'POST')).toMatchObject([200, { state: 'active' }]);
    expect(await ask('schedules/reminder/ada/trigger', 'POST')).toMatchObject([202, { key: 'ada' }]);
    await clock.advance('1s');
    expect(app.get(Reminders).runs).toEqual(['ada by Ada']);
    expect(await ask('schedules/reminder/ada', 'DELETE')).toEqual([200, { removed: true }]);
    expect((await ask('schedules/reminder/ada'))[0]).toBe(404);
  });

  it('cancels an active run, by its schedule or by its id, with the actor and the reason', async () => {
    app.get(Reminders).long = true;
    for (const [key, path] of [
      ['ada', () => 'schedules/reminder/ada/cancel'],
      ['grace', (id: string) => `runs/${id}/cancel`],
    ] as const) {
      expect(await ask(`schedules/reminder/${key}/cancel`, 'POST')).toMatchObject([
        409,
        { detail: expect.stringContaining(`The schedule "${key}" of "reminder" has no run`) },
      ]);
      await schedules.trigger('reminder', key);
      await clock.advance('1s');
      const [, active] = await ask(`runs?worker=reminder&key=${key}`);
      expect(active.items).toMatchObject([{ outcome: 'running' }]);
      const { id } = active.items[0];
      expect((await ask(path(id), 'POST', TOKEN, { reason: 'enough' }))[0]).toBe(202);
      await clock.advance('1s');
      const [, run] = await ask(`runs/${id}`);
      expect([run.outcome, run.error.message]).toEqual([
        'cancelled',
        'The run of "reminder" was cancelled by Ada: enough',
      ]);
      expect((await ask(`schedules/reminder/${key}`))[1]).toMatchObject({
        state: 'active',
        last_outcome: 'cancelled',
        failures: 0,
        next_run: '2026-01-01T09:00:00.000Z',
      });
      expect((await ask(`runs/${id}/cancel`, 'POST'))[0]).toBe(404);
      const [status, { detail }] = await ask(`runs/${id}/rerun`, 'POST');
      expect([status, detail]).toEqual([409, expect.stringContaining('trigger the schedule')]);
    }
    expect((await ask('schedules/reminder/ada/cancel', 'POST', TOKEN, { reason: 1 }))[0]).toBe(400);
  });

  it('shows the runs of a handler, and finds those of a key', async () => {
    for (const key of ['ada', 'grace', 'a/b ü?']) await schedules.trigger('reminder', key);
    await clock.advance('9h');
    const [status, page] = await ask('runs?worker=reminder&limit=4');
    expect([status, page.items.length]).toEqual([200, 4]);
    const [, rest] = await ask(`runs?worker=reminder&limit=4&before=${page.next}`);
    expect(rest.items).toHaveLength(2);
    const [, { items }] = await ask(`runs?worker=reminder&key=${encodeURIComponent('a/b ü?')}`);
    expect(items).toMatchObject([
      {
        key: 'a/b ü?',
        trigger: 'schedule',
        attempt: 1,
        slot: '2026-01-01T09:00:00.000Z',
        outcome: 'succeeded',
      },
      { key: 'a/b ü?', trigger: 'manual', attempt: 1, outcome: 'succeeded' },
    ]);
    expect(items[0].fencing_token).toBeGreaterThan(items[1].fencing_token);
    expect((await ask('runs?worker=reminder&key=ada&trigger=manual'))[1].items).toHaveLength(1);
    expect((await ask('runs?worker=gone&key=ada'))[1].items).toEqual([]);
    // The tab lists them: the page asks for what the path and the filters say.
    const [, dashboard] = await ask('dashboard/tabs');
    const tab = dashboard.find(({ id }: { id: string }) => id === 'schedules');
    expect(tab.item.map(({ title, path }: Record<string, string>) => [title, path])).toEqual([
      ['Schedules', 'schedules?handler=:id'],
      ['Runs', 'runs?worker=:id'],
    ]);
  });

  it('says what there is not, and lets nobody in without the token', async () => {
    for (const [path, method] of [
      ['schedules/reminder/none', 'GET'],
      ['schedules/reminder/none', 'DELETE'],
      ['schedules/reminder/none/pause', 'POST'],
      ['schedules/none/ada/trigger', 'POST'],
      ['schedules/reminder/none/cancel', 'POST'],
    ]) {
      const [status, { detail }] = await ask(path!, method);
      expect([status, detail]).toEqual([404, expect.stringContaining('There is no schedule')]);
    }
    expect((await ask('schedules?key_prefix=a'))[0]).toBe(400);
    expect((await ask('schedules?state=on'))[0]).toBe(400);
    expect((await ask('schedules', 'GET', 'another'))[0]).toBe(401);
  });

  it('is listed and steered by the command line', async () => {
    const lines: string[] = [];
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof process.stdout.write;
    const run = async (...args: string[]): Promise<[code: number, output: string]> => {
      lines.length = 0;
      const code = await runCommandLine([...args, '--url', url, '--token', TOKEN, '--actor', 'Grace']);
      return [code, lines.join('')];
    };
    try {
      expect(await run('schedules', 'ls')).toEqual([
        0,
        expect.stringMatching(/^HANDLER[^]*\ngone +unknown +1 [^]*\nreminder +known +3 /),
      ]);
      expect(await run('schedules', 'ls', 'reminder', '--prefix', 'a')).toEqual([
        0,
        expect.stringMatching(/a\/b ü\? +acme +active[^]*ada/),
      ]);
      expect(await run('schedules', 'pause', 'reminder', 'a/b ü?')).toEqual([
        0,
        'reminder a/b ü? is paused\n',
      ]);
      expect((await run('schedules', 'show', 'reminder', 'a/b ü?'))[1]).toMatch(/state +paused/);
      expect((await run('schedules', 'resume', 'reminder', 'a/b ü?'))[0]).toBe(0);
      const [code, json] = await run('schedules', 'trigger', 'reminder', 'ada', '--json');
      expect([code, JSON.parse(json)]).toEqual([0, expect.objectContaining({ key: 'ada' })]);
      await clock.advance('1s');
      expect(app.get(Reminders).runs).toEqual(['ada by Grace']);
      const [, runs] = await run('runs', '--worker', 'reminder', '--key', 'ada');
      expect(runs).toMatch(
        /^RUN +WORKER +KEY [^]*\n\S+ +reminder +ada +succeeded [^\n]* manual +Grace [^\n]*\n$/,
      );
      app.get(Reminders).long = true;
      await schedules.trigger('reminder', 'ada');
      await clock.advance('1s');
      expect(await run('schedules', 'cancel', 'reminder', 'ada', '--reason', 'enough')).toEqual([
        0,
        'reminder ada: its run is told to end\n',
      ]);
      await clock.advance('1s');
      expect((await run('schedules', 'show', 'reminder', 'ada'))[1]).toMatch(
        /was cancelled by Grace: enough/,
      );
      expect((await run('schedules', 'cancel', 'reminder', 'ada'))[0]).toBe(3);
      expect(await run('schedules', 'rm', 'reminder', 'ada')).toEqual([0, 'reminder ada is removed\n']);
      expect((await run('schedules', 'rm', 'reminder', 'ada'))[0]).toBe(3);
    } finally {
      process.stdout.write = write;
    }
  });
});
