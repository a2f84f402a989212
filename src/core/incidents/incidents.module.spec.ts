import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { taking } from '../../../test/support/workers.js';
import { LocalCoordinator } from '../coordination/local.coordinator.js';
import { type Incident, type IncidentEventType } from '../history/incident.js';
import { IncidentStore } from '../history/incident.store.js';
import { InMemoryIncidentStore } from '../history/in-memory-incident.store.js';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { type RunContext } from '../worker/run-context.js';
import { type Worker } from '../worker/worker.js';
import { WorkerModule } from '../worker.module.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { Incidents } from './incidents.js';
import { IncidentsModule } from './incidents.module.js';
import { type IncidentsOptions } from './incidents.options.js';

interface Replica {
  app: TestingModule;
  scheduler: Scheduler;
  incidents: Incidents;
  /** What `onIncident` was told. */
  told: string[];
  /** What `events$` told. */
  events: string[];
  logs: string[];
}

let clock: ManualClock;
let replicas: Replica[] = [];

afterEach(async () => {
  const closing = replicas.map(({ app }) => app.close());
  await clock.advance('1s');
  await Promise.all(closing);
  replicas = [];
});

async function start(
  workers: Worker[],
  {
    options = {},
    incidents = {},
  }: { options?: WorkerModuleOptions; incidents?: Omit<IncidentsOptions, 'onIncident'> } = {},
): Promise<Replica> {
  if (replicas.length === 0 && !options.coordination) clock = new ManualClock();
  const told: string[] = [];
  const logs: string[] = [];
  const note = (text: unknown) => logs.push(String(text));
  const onIncident = ({ subject, condition }: Incident, type: IncidentEventType) => {
    told.push(`${type} ${subject} ${condition}`);
  };
  const app = await Test.createTestingModule({
    imports: [
      WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 }, ...options }),
      IncidentsModule.forRoot({ onIncident, ...incidents }),
    ],
  })
    .overrideProvider(Clock)
    .useValue(clock)
    .setLogger({ log: note, warn: note, error: note })
    .compile();
  const scheduler = app.get(Scheduler);
  for (const worker of workers) scheduler.register(worker);
  const events: string[] = [];
  scheduler.events$.subscribe((event) => {
    if ('incident' in event) events.push(`${event.type} ${event.worker} ${event.incident.condition}`);
  });
  await app.init();
  const replica = { app, scheduler, incidents: app.get(Incidents), told, events, logs };
  replicas.push(replica);
  return replica;
}

const openOnes = async ({ incidents }: Replica) =>
  (await incidents.find({ open: true, limit: 100 }))
    .map(({ subject, condition }) => `${subject} ${condition}`)
    .toSorted();

/** A worker that is triggered, and does what the test says next. */
function told(name: string, options: Partial<Worker> = {}) {
  const worker = {
    name,
    interval: 0 as const,
    next: (_context: RunContext): unknown => undefined,
    run: (context: RunContext): unknown => worker.next(context),
    ...options,
  };
  return worker;
}

describe('IncidentsModule', () => {
  it('opens one incident of what fails again and again, and closes it when that succeeds', async () => {
    const worker = told('mailer');
    const replica = await start([worker]);
    worker.next = () => Promise.reject(new Error('no route to host'));
    for (let run = 0; run < 2; run++) await (await replica.scheduler.trigger('mailer')).ended;
    await clock.advance('30s');
    expect(replica.told).toEqual([]);
    await (
      await replica.scheduler.trigger('mailer')
    ).ended;
    await clock.advance('15s');
    expect(replica.told).toEqual(['incident.opened mailer failing']);
    await (
      await replica.scheduler.trigger('mailer')
    ).ended;
    await clock.advance('1m');
    expect(replica.told).toHaveLength(1);
    const [open] = await replica.incidents.find({ open: true, limit: 10 });
    expect(open).toMatchObject({
      kind: 'worker',
      summary: 'Worker "mailer" is failing: 3 runs in a row did not succeed, the last with: no route to host',
      runId: expect.any(String),
    });
    worker.next = () => undefined;
    await (
      await replica.scheduler.trigger('mailer')
    ).ended;
    await clock.advance('15s');
    expect(replica.told).toEqual(['incident.opened mailer failing', 'incident.closed mailer failing']);
    expect(replica.events).toEqual(replica.told);
    expect(await openOnes(replica)).toEqual([]);
    expect(replica.logs.filter((line) => /^Incident |failing/.test(line))).toEqual([
      `Incident opened: ${open!.summary}`,
      expect.stringMatching(/^Incident closed after 1 m 15 s: Worker "mailer" is failing/),
    ]);
  });

  it('reports a run that ignores its signal, and takes it back when that ends', async () => {
    const gate: { open?: () => void } = {};
    const worker = told('deaf', { timeout: '10s' });
    const heeds = told('heeds', { timeout: '10s' });
    const replica = await start([worker, heeds]);
    worker.next = () => new Promise<void>((resolve) => (gate.open = resolve));
    heeds.next = taking(clock, 60_000);
    const { ended } = await replica.scheduler.trigger('deaf');
    await replica.scheduler.trigger('heeds');
    await clock.advance('14s');
    expect(replica.told).toEqual([]);
    await clock.advance('2s');
    expect(replica.told).toEqual(['incident.opened deaf stuck']);
    await clock.advance('2m');
    expect(await openOnes(replica)).toEqual(['deaf stuck']);
    gate.open!();
    await ended;
    await clock.advance(0);
    expect(replica.told).toEqual(['incident.opened deaf stuck', 'incident.closed deaf stuck']);
    expect(replica.logs.filter((line) => /^Incident |stuck/.test(line))).toEqual([
      expect.stringMatching(/^Worker "deaf" is stuck: .* Hand context.signal to what it waits for/),
      expect.stringMatching(/^Worker "deaf" is no longer stuck/),
    ]);
  });

  it('logs a worker that no run of has ended for too long once, and once that one has', async () => {
    const gate: { open?: () => void } = {};
    const worker = told('slow', { interval: '10s' });
    worker.next = () => new Promise<void>((resolve) => (gate.open = resolve));
    const replica = await start([worker]);
    await clock.advance('2m');
    worker.next = () => undefined;
    gate.open!();
    await clock.advance('2m');
    expect(replica.logs.filter((line) => /stale|no run has ended/.test(line))).toEqual([
      expect.stringMatching(/^Incident opened: Worker "slow" is stale/),
      expect.stringMatching(/^Incident closed after .*: Worker "slow" is stale/),
    ]);
  });

  it('reports what did nothing, and what cost too much; the runs succeed nevertheless', async () => {
    const worker = told('import', { expect: { rows: { min: 1 } } });
    const budget = { cost: 2 };
    const replica = await start([worker], { options: { workers: { import: { budget } } } });
    worker.next = ({ metric }) => (metric('rows', 0), metric('cost', 2.5));
    expect((await (await replica.scheduler.trigger('import')).ended).outcome).toBe('succeeded');
    await clock.advance('15s');
    expect(await openOnes(replica)).toEqual(['import did_nothing', 'import over_budget']);
    worker.next = ({ metric }) => (metric('rows', 5), metric('cost', 1));
    await (
      await replica.scheduler.trigger('import')
    ).ended;
    await clock.advance('15s');
    expect(await openOnes(replica)).toEqual([]);
  });

  it('reports what takes much longer than it did, while it is active', async () => {
    const worker = told('report');
    const replica = await start([worker]);
    const takes = async (ms: number) => {
      worker.next = taking(clock, ms);
      const handle = await replica.scheduler.trigger('report');
      await clock.advance(ms);
      return handle.ended;
    };
    for (let run = 0; run < 5; run++) await takes(2_000);
    worker.next = taking(clock, 60_000);
    await replica.scheduler.trigger('report');
    await clock.advance('20s');
    expect(replica.told).toEqual(['incident.opened report slow']);
    await clock.advance('40s');
    await takes(1_500);
    await clock.advance('15s');
    expect(replica.told).toEqual(['incident.opened report slow', 'incident.closed report slow']);
  });

  it('has no slow runs where it is told so', async () => {
    const worker = told('report');
    const replica = await start([worker], { incidents: { slow: false } });
    for (const ms of [1, 1, 1, 1, 1, 50_000]) {
      worker.next = taking(clock, ms);
      await replica.scheduler.trigger('report');
      await clock.advance(ms);
    }
    await clock.advance('30s');
    expect(replica.told).toEqual([]);
  });

  it('reports a slot that was due while the process was down, by what the history knows', async () => {
    class LastingStore extends InMemoryRunStore {
      override async lastSlots() {
        return new Map([['nightly', new Date(Date.UTC(2025, 11, 30, 0, 15))]]);
      }
    }
    const nightly = {
      name: 'nightly',
      interval: { cron: '15 0 * * *', timeZone: 'UTC' },
      catchUp: false,
      run: () => {},
    };
    const replica = await start([nightly], { options: { history: new LastingStore() } });
    await clock.advance('15s');
    expect(replica.told).toEqual([]);
    await clock.advance('15s');
    expect(replica.told).toEqual(['incident.opened nightly missed']);
    const [incident] = await replica.incidents.find({ open: true, limit: 10 });
    expect(incident!.summary).toBe(
      'Worker "nightly" has missed its run of 2025-12-31T00:15:00.000Z: none has begun since',
    );
    await clock.advance('15m');
    expect(replica.told).toEqual(['incident.opened nightly missed', 'incident.closed nightly missed']);
  });

  it('finds nothing missed of workers that run, and of one that has just been registered', async () => {
    const calm = { interval: '10m', run: () => {} } as const;
    const replica = await start([
      { name: 'often', interval: '1m', run: () => {} },
      { ...calm, name: 'calm' },
    ]);
    await clock.advance('15m');
    replica.scheduler.register({ ...calm, name: 'late' });
    await clock.advance('30m');
    expect(replica.told).toEqual([]);
  });

  it('is silent as long as a silence lasts, and tells then', async () => {
    const worker = told('mailer');
    const replica = await start([worker]);
    await replica.incidents.silence({ subject: 'mailer', for: '10m', reason: 'moving house' });
    worker.next = () => Promise.reject(new Error('no'));
    for (let run = 0; run < 3; run++) await (await replica.scheduler.trigger('mailer')).ended;
    await clock.advance('9m');
    expect(replica.events).toEqual(['incident.opened mailer failing']);
    expect(replica.logs).toContainEqual(expect.stringMatching(/^Incident opened: .* \(silenced\)$/));
    expect(replica.told).toEqual([]);
    await clock.advance('2m');
    expect(replica.told).toEqual(['incident.opened mailer failing']);
  });

  it('takes what an application reports, and leaves it to it', async () => {
    const replica = await start([]);
    const key = { kind: 'certificate', subject: 'example.com', condition: 'expiring' };
    const report = { ...key, summary: 'The certificate of example.com expires in 3 days' };
    expect(await replica.incidents.report(report)).toMatchObject(report);
    expect(await replica.incidents.report(report)).toBeUndefined();
    await clock.advance('1m');
    expect(await openOnes(replica)).toEqual(['example.com expiring']);
    expect(await replica.incidents.resolve(key)).toMatchObject(report);
    expect(await replica.incidents.resolve(key)).toBeUndefined();
    expect(replica.told).toEqual([
      'incident.opened example.com expiring',
      'incident.closed example.com expiring',
    ]);
  });

  it.each([
    [{ kind: '' }, /kind: "" is no text of 1 to 100 characters/],
    [{ subject: 'a\0b' }, /subject: "a\\u0000b" is no text/],
    [{ condition: 'x'.repeat(101) }, /condition: "x+ is no text of 1 to 100/],
    [{ condition: 7 }, /condition: 7 is no text/],
    [{ subject: undefined }, /subject: undefined is no text/],
  ])('takes no report with %j', async (wrong, message) => {
    const replica = await start([]);
    const report = { kind: 'a', subject: 'b', condition: 'c', summary: 'd', ...wrong } as never;
    await expect(replica.incidents.report(report)).rejects.toThrow(message);
  });

  it.each([
    [{}, /one end: give `for` or `until`/],
    [{ for: '1h', until: new Date() }, /one end/],
    [{ for: 0 }, /ends now or before/],
    [{ for: 'soon' }, /for: 'soon' is not a duration/],
    [{ until: new Date(0) }, /ends now or before/],
    [{ until: new Date(NaN) }, /ends now or before/],
    [{ for: '1h', subject: '' }, /subject: "" is no text/],
  ])('takes no silence of %j', async (silence, message) => {
    const replica = await start([]);
    await expect(replica.incidents.silence(silence as never)).rejects.toThrow(message);
  });

  it('judges on while a webhook does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const asked = once(silent, 'request') as Promise<[IncomingMessage]>;
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const replica = await start([], { incidents: { webhooks: [{ url, format: 'slack' }] } });
    await replica.incidents.report({ kind: 'worker', subject: 'w', condition: 'odd', summary: 'It is odd' });
    const [{ socket }] = await asked;
    const judged = await replica.scheduler.trigger('workers_incidents');
    expect(await judged.ended).toMatchObject({ outcome: 'succeeded' });
    expect(socket.destroyed).toBe(false);
    silent.closeAllConnections();
    silent.close();
  });

  it('goes on when onIncident fails, and says so', async () => {
    const onIncident = () => Promise.reject(new Error('the pager is broken'));
    const replica = await start([], { incidents: { onIncident } as never });
    await replica.incidents.report({ kind: 'a', subject: 'b', condition: 'c', summary: 'd' });
    await clock.advance(0);
    expect(replica.logs).toContainEqual(
      expect.stringMatching(/^onIncident failed for incident .*: Error: the pager is broken$/),
    );
  });

  it('closes what was open of a worker that is there no more', async () => {
    const worker = told('mailer');
    const replica = await start([worker]);
    worker.next = () => Promise.reject(new Error('no'));
    for (let run = 0; run < 3; run++) await (await replica.scheduler.trigger('mailer')).ended;
    await clock.advance('15s');
    await replica.scheduler.unregister('mailer');
    await clock.advance('15s');
    expect(replica.told).toEqual(['incident.opened mailer failing', 'incident.closed mailer failing']);
  });

  it('asks the store for nothing that it knows, and closes all that is over, however many are open', async () => {
    const failing = { fails: true };
    const run = () => (failing.fails ? Promise.reject(new Error('no route')) : undefined);
    const names = Array.from({ length: 2_100 }, (_, n) => `w${n}`);
    const replica = await start(
      names.map((name) => ({ name, interval: 0, run })),
      { incidents: { failingAfter: 1 } },
    );
    const runAll = () =>
      Promise.all(names.map(async (name) => (await replica.scheduler.trigger(name)).ended));
    await runAll();
    await clock.advance('15s');
    expect(replica.told).toHaveLength(2_100);
    const opening = jest.spyOn(replica.app.get(IncidentStore), 'open');
    await clock.advance('1m');
    expect(opening).not.toHaveBeenCalled();
    failing.fails = false;
    await runAll();
    await clock.advance('15s');
    expect(await replica.incidents.find({ open: true, limit: 1 })).toEqual([]);
  });

  it('refuses options that cannot be kept to, all at once, without their secrets', async () => {
    const incidents = {
      missedAfter: 'soon',
      failingAfter: 0,
      slow: { factor: 1, floor: -1 },
      webhooks: [
        { url: 'ftp://secret-host/secret-path' },
        { url: 'https://a/secret-path' },
        { url: 'https://a/', secret: 'secret-text' },
        { url: 'https://user:secret-password@a/', secret: 'x' },
        { url: 'https://hooks.slack.com/services/secret-path', secret: 'whsec_x' },
        { url: 'https://hooks.slack.com/services/secret-path', timeout: '1h' },
        { url: 'https://a/', secrets: 'secret-text' },
      ],
    } as never;
    const failure = await start([], { incidents }).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'InvalidIncidentsOptionsError' });
    const { message } = failure as Error;
    for (const part of [
      /webhooks\[0\]: url is no address/,
      /webhooks\[1\]: secret is missing/,
      /webhooks\[2\]: secret is not whsec_/,
      /webhooks\[3\]: url holds a password/,
      /webhooks\[4\]: secret: Slack checks no signature/,
      /webhooks\[5\]: timeout: 3600000 ms cannot be/,
      /webhooks\[6\]: secrets: unknown option: did you mean secret\?/,
      /missedAfter: 'soon' is not a duration/,
      /failingAfter: 0 is no number of runs/,
      /slow.floor: -1 is not a duration/,
      /slow.factor: 1 makes usual runs slow/,
    ])
      expect(message).toMatch(part);
    expect(message).not.toMatch(/secret-/);
  });

  describe('in a cluster', () => {
    class SharedCoordinator extends LocalCoordinator {
      constructor(
        clock: Clock,
        private readonly store: IncidentStore,
      ) {
        super(clock);
      }
      override incidentStore(): IncidentStore {
        return this.store;
      }
    }

    async function startTwo(workers: () => Worker[]): Promise<[Replica, Replica]> {
      clock = new ManualClock();
      const store = new InMemoryIncidentStore(clock);
      const coordination = new SharedCoordinator(clock, store);
      const history = new InMemoryRunStore();
      const options = { coordination, history };
      return [await start(workers(), { options }), await start(workers(), { options })];
    }

    it('one replica tells, whichever runs the worker', async () => {
      const failing = () => Promise.reject(new Error('no'));
      const [a, b] = await startTwo(() => [{ name: 'fails', interval: '5s', run: failing }]);
      await clock.advance('1m');
      expect([...a.told, ...b.told]).toEqual(['incident.opened fails failing']);
      expect(await openOnes(a)).toEqual(['fails failing']);
    });

    it('closes what a replica has reported as stuck, when that has fallen silent', async () => {
      const [a, b] = await startTwo(() => [told('deaf', { timeout: '10s' })]);
      await b.incidents.report({
        kind: 'worker',
        subject: 'deaf',
        condition: 'stuck',
        summary: 'by one that is gone',
        runId: '1e1e1e1e-0000-4000-8000-000000000000',
      });
      await clock.advance('20s');
      expect([...b.told, ...a.told]).toEqual(['incident.opened deaf stuck', 'incident.closed deaf stuck']);
    });
  });
});
