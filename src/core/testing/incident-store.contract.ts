import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Incident, type IncidentReport } from '../history/incident.js';
import { type IncidentStore } from '../history/incident.store.js';
import { type ContractCase } from './contract-case.js';

/** An open store with nothing in it, its clock, and how to dispose of it. */
export interface IncidentStoreSetup {
  store: IncidentStore;
  /** What time it is by the store's clock, milliseconds since the epoch. */
  now(): number | Promise<number>;
  /** Lets this many milliseconds pass by that clock. */
  pass(ms: number): Promise<void>;
  teardown?(): Promise<void>;
}

const HOUR = 3_600_000;

/** What every `IncidentStore` keeps. `setup` is called once for each case. */
export function incidentStoreContract(setup: () => Promise<IncidentStoreSetup>): ContractCase[] {
  const contract = cases(setup);
  return [
    contract('opens an incident with everything that was said of it', async ({ store, now }) => {
      const before = await now();
      const report = reportOf({ runId: randomUUID(), release: '2.4.1', summary: `it's "bad" 💥 \\ \n` });
      const incident = await store.open(report, []);
      assert.ok(incident);
      const { id, openedAt, toldAt, ...rest } = incident;
      assert.deepEqual(rest, report);
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.ok(openedAt.getTime() >= before - 1 && openedAt.getTime() <= (await now()) + 1);
      assert.deepEqual(toldAt, openedAt);
      assert.deepEqual(await store.find({ limit: 10 }), [incident]);
    }),

    contract('has one open incident of a kind, subject and condition', async ({ store }) => {
      const all = await Promise.all(Array.from({ length: 5 }, () => store.open(reportOf(), ['ops'])));
      const [opened] = all.filter((incident) => incident !== undefined);
      assert.equal(all.filter((incident) => incident !== undefined).length, 1);
      assert.deepEqual(await store.find({ limit: 10 }), [opened]);
      assert.equal((await store.deliveries({ limit: 10 })).length, 1);
      for (const other of [{ kind: 'tenant' }, { subject: 'other' }, { condition: 'slow' }])
        assert.ok(await store.open(reportOf(other), []));
    }),

    contract('closes what is open, once, and opens it anew as another one', async ({ store }) => {
      const first = (await store.open(reportOf(), []))!;
      const closed = await Promise.all([1, 2, 3].map(() => store.close(reportOf(), [])));
      const [once] = closed.filter((incident) => incident !== undefined);
      assert.equal(closed.filter((incident) => incident !== undefined).length, 1);
      assert.deepEqual({ ...once, closedAt: undefined }, { ...first, closedAt: undefined });
      assert.ok(once!.closedAt! >= first.openedAt);
      const second = (await store.open(reportOf(), []))!;
      assert.notEqual(second.id, first.id);
      assert.deepEqual(await store.find({ open: true, limit: 10 }), [second]);
      assert.deepEqual(await store.find({ open: false, limit: 10 }), [once]);
      assert.equal(await store.close(reportOf({ subject: 'nobody' }), []), undefined);
    }),

    contract('finds incidents by what they are of, newest first, page by page', async (s) => {
      const { store, pass } = s;
      const opened: Incident[] = [];
      for (const subject of ['a', 'b', 'c', 'd', 'e']) {
        opened.unshift((await store.open(reportOf({ subject }), []))!);
        await pass(2);
      }
      const pages: Incident[] = [];
      for (let before: Incident | undefined; ;) {
        const page = await store.find({ limit: 2, before });
        pages.push(...page);
        before = page.at(-1);
        if (!before) break;
      }
      assert.deepEqual(pages, opened);
      assert.deepEqual(await store.find({ subject: 'c', limit: 10 }), [opened[2]]);
      assert.deepEqual(await store.find({ id: opened[1]!.id, limit: 10 }), [opened[1]]);
      assert.deepEqual(await store.find({ kind: 'worker', condition: 'failing', limit: 1 }), [opened[0]]);
      assert.deepEqual(await store.find({ kind: 'other', limit: 10 }), []);
      assert.deepEqual(await store.find({ id: randomUUID(), limit: 10 }), []);
    }),

    contract('records what is silenced, and does not tell it', async ({ store, now }) => {
      const until = new Date((await now()) + HOUR);
      const reason = `known: "it's" 💥`;
      const silence = await store.silence({ subject: 'w', until, reason, actor: 'ann' });
      const { id, createdAt, ...rest } = silence;
      assert.ok(id && createdAt <= until);
      assert.deepEqual(rest, { subject: 'w', until, reason, actor: 'ann' });
      assert.deepEqual(await store.silences(), [silence]);
      const silent = (await store.open(reportOf(), ['ops']))!;
      assert.equal(silent.toldAt, undefined);
      assert.ok((await store.open(reportOf({ subject: 'other' }), ['ops']))!.toldAt);
      await store.close(reportOf(), ['ops']);
      const told = await store.deliveries({ limit: 10 });
      assert.deepEqual(
        told.map(({ incident }) => incident.subject),
        ['other'],
      );
    }),

    contract('silences what fits all that a silence says, and all where it says nothing', async (s) => {
      const { store, now } = s;
      const until = new Date((await now()) + HOUR);
      for (const [silence, silenced] of [
        [{ kind: 'worker', subject: 'w', condition: 'failing' }, true],
        [{ condition: 'failing' }, true],
        [{ kind: 'worker' }, true],
        [{}, true],
        [{ subject: 'w', condition: 'slow' }, false],
        [{ kind: 'tenant', subject: 'w' }, false],
      ] as const) {
        const { id } = await store.silence({ ...silence, until });
        const incident = (await store.open(reportOf(), []))!;
        assert.equal(incident.toldAt === undefined, silenced, JSON.stringify(silence));
        await store.close(reportOf(), []);
        assert.equal(await store.endSilence(id), true);
        assert.equal(await store.endSilence(id), false);
      }
      assert.deepEqual(await store.silences(), []);
    }),

    contract('tells what is open when its silence has ended, once', async ({ store, now, pass }) => {
      const { id } = await store.silence({ until: new Date((await now()) + HOUR) });
      const silent = (await store.open(reportOf(), ['ops']))!;
      await store.open(reportOf({ subject: 'closed meanwhile' }), ['ops']);
      await store.close(reportOf({ subject: 'closed meanwhile' }), ['ops']);
      assert.deepEqual(await store.tell(['ops']), []);
      await pass(2);
      await store.endSilence(id);
      const all = await Promise.all([store.tell(['ops', 'chat']), store.tell(['ops', 'chat'])]);
      const [told, ...rest] = all.flat();
      assert.deepEqual(rest, []);
      assert.deepEqual({ ...told, toldAt: undefined }, { ...silent, toldAt: undefined });
      assert.ok(told!.toldAt! > silent.openedAt);
      assert.deepEqual(await store.tell(['ops']), []);
      const endpoints = (await store.deliveries({ limit: 10 })).map(({ endpoint }) => endpoint);
      assert.deepEqual(endpoints.toSorted(), ['chat', 'ops']);
    }),

    contract('holds a silence no longer than until its end', async ({ store, now, pass }) => {
      const silence = await store.silence({ until: new Date((await now()) + 50) });
      await pass(60);
      assert.deepEqual(await store.silences(), []);
      assert.equal(await store.endSilence(silence.id), false);
      assert.ok((await store.open(reportOf(), []))!.toldAt);
    }),

    contract('hands out each delivery that is due to one caller', async ({ store }) => {
      const incident = (await store.open(reportOf(), ['ops', 'chat', 'gone']))!;
      const taken = await Promise.all([1, 2, 3].map(() => store.takeDue(['ops', 'chat'], 5, HOUR)));
      const mine = taken.flat();
      assert.deepEqual(mine.map(({ endpoint }) => endpoint).toSorted(), ['chat', 'ops']);
      for (const delivery of mine) {
        const { id, createdAt, dueAt, endpoint, ...rest } = delivery;
        assert.ok(id && endpoint && dueAt! > createdAt);
        assert.deepEqual(rest, { incident, event: 'incident.opened', state: 'pending', attempts: 1 });
      }
      assert.deepEqual(await store.takeDue(['ops', 'chat'], 5, HOUR), []);
      assert.equal((await store.takeDue(['gone'], 5, HOUR)).length, 1);
    }),

    contract('hands out a delivery again when its lease has ended', async ({ store, pass }) => {
      await store.open(reportOf(), ['ops', 'chat']);
      const [first] = await store.takeDue(['ops'], 1, 20);
      await pass(30);
      const again = await store.takeDue(['ops', 'chat'], 2, HOUR);
      assert.deepEqual(again.map(({ endpoint, attempts }) => `${endpoint} ${attempts}`).toSorted(), [
        'chat 1',
        'ops 2',
      ]);
      await store.settle(first!, { delivered: false, error: 'late word of the first' });
      const [pending] = await store.deliveries({ endpoint: 'ops', limit: 1 });
      assert.deepEqual([pending!.state, pending!.error], ['pending', undefined]);
    }),

    contract('keeps what became of an attempt', async ({ store }) => {
      await store.open(reportOf(), ['ops']);
      const [first] = await store.takeDue(['ops'], 1, HOUR);
      await store.settle(first!, { delivered: false, status: 503, error: 'busy', retryIn: HOUR });
      const [waiting] = await store.deliveries({ state: 'pending', limit: 10 });
      assert.deepEqual(
        [waiting!.id, waiting!.status, waiting!.error, waiting!.attempts],
        [first!.id, 503, 'busy', 1],
      );
      assert.deepEqual(await store.takeDue(['ops'], 1, HOUR), []);
      await store.resend(first!.id);
      const [second] = await store.takeDue(['ops'], 1, HOUR);
      await store.settle(second!, { delivered: true, status: 204 });
      const [delivered] = await store.deliveries({ endpoint: 'ops', limit: 10 });
      assert.deepEqual(
        [delivered!.state, delivered!.status, delivered!.error, delivered!.dueAt],
        ['delivered', 204, undefined, undefined],
      );
      assert.ok(delivered!.deliveredAt! >= delivered!.createdAt);
      assert.deepEqual(await store.takeDue(['ops'], 1, HOUR), []);
    }),

    contract('hands out a delivery again when it is to be tried again', async ({ store, pass }) => {
      await store.open(reportOf(), ['ops']);
      const [first] = await store.takeDue(['ops'], 1, HOUR);
      await store.settle(first!, { delivered: false, error: 'no route', retryIn: 20 });
      await pass(30);
      const [second] = await store.takeDue(['ops'], 1, HOUR);
      assert.deepEqual([second!.id, second!.attempts, second!.error], [first!.id, 2, 'no route']);
    }),

    contract('sends again what has failed or was delivered, when it is asked to', async ({ store }) => {
      await store.open(reportOf(), ['ops']);
      const [taken] = await store.takeDue(['ops'], 1, HOUR);
      await store.settle(taken!, { delivered: false, status: 410, error: 'gone' });
      const [failed] = await store.deliveries({ state: 'failed', limit: 10 });
      assert.deepEqual([failed!.dueAt, failed!.deliveredAt], [undefined, undefined]);
      const resent = (await store.resend(taken!.id))!;
      assert.deepEqual([resent.id, resent.state], [taken!.id, 'pending']);
      const [again] = await store.takeDue(['ops'], 1, HOUR);
      assert.deepEqual([again!.id, again!.attempts], [taken!.id, 2]);
      assert.equal(await store.resend(randomUUID()), undefined);
    }),

    contract('tells of the end of what was told', async ({ store, pass }) => {
      const { id } = (await store.open(reportOf(), ['ops']))!;
      await pass(2);
      const closed = await store.close(reportOf(), ['ops', 'chat']);
      const sent = await store.deliveries({ incident: id, limit: 10 });
      assert.deepEqual(sent.map(({ event, endpoint }) => `${event} ${endpoint}`).toSorted(), [
        'incident.closed chat',
        'incident.closed ops',
        'incident.opened ops',
      ]);
      for (const { incident } of sent) assert.deepEqual(incident, closed);
      const [newest] = sent;
      assert.deepEqual(await store.deliveries({ id: newest!.id, limit: 10 }), [newest]);
      const rest = await store.deliveries({ limit: 10, before: newest! });
      assert.deepEqual(rest, sent.slice(1));
    }),

    contract('forgets what was closed before an instant, with its deliveries', async (s) => {
      const { store, now, pass } = s;
      await store.open(reportOf({ subject: 'old' }), ['ops']);
      await store.close(reportOf({ subject: 'old' }), ['ops']);
      const open = (await store.open(reportOf({ subject: 'open' }), []))!;
      await pass(20);
      const before = new Date(await now());
      await pass(20);
      await store.open(reportOf({ subject: 'young' }), []);
      const young = await store.close(reportOf({ subject: 'young' }), []);
      await store.prune(before);
      assert.deepEqual(await store.find({ limit: 10 }), [young, open]);
      assert.deepEqual(await store.deliveries({ limit: 10 }), []);
    }),
  ];
}

function cases(setup: () => Promise<IncidentStoreSetup>) {
  return (name: string, run: (setup: IncidentStoreSetup) => Promise<void>): ContractCase => ({
    name,
    async run() {
      const made = await setup();
      try {
        await run(made);
      } finally {
        await made.teardown?.();
      }
    },
  });
}

function reportOf(fields: Partial<IncidentReport> = {}): IncidentReport {
  return { kind: 'worker', subject: 'w', condition: 'failing', summary: 'Worker "w" is failing', ...fields };
}
