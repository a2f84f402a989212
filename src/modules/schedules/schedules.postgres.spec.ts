import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type DynamicModule, Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerModule } from '../../core/worker.module.js';
import { Transactions } from '../database/transaction.js';
import { DatabaseModule } from '../schema/database.module.js';
import { type Schedule } from './schedule.js';
import { ScheduleStore } from './schedule.store.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';
import { type SchedulesOptions } from './schedules.options.js';
import { Schedules } from './schedules.service.js';

type Behaviour = (context: ScheduledContext) => unknown;

@Injectable()
class Reminders {
  behaviour: Behaviour = () => {};
  readonly seen: { key: string; attempt: number; token: number }[] = [];

  @Scheduled('reminder', { concurrency: 20, timeout: '20s' })
  remind(context: ScheduledContext): unknown {
    const { key, attempt, fencingToken } = context;
    this.seen.push({ key, attempt, token: fencingToken! });
    return this.behaviour(context);
  }
}

interface App {
  module: TestingModule;
  schedules: Schedules;
  store: ScheduleStore;
  reminders: Reminders;
  transactions: Transactions;
}

describe('Schedules in PostgreSQL, with no other table of the package', () => {
  let database: TestDatabase;
  const open: TestingModule[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    const { transactions } = await start({ dispatch: false });
    await transactions.query('TRUNCATE schedules');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((module) => module.close()));
  });

  const databaseModule = (poolSize: number): DynamicModule =>
    DatabaseModule.forRoot({ url: database.url, poolSize, tables: 'schedules' });

  async function start(options: SchedulesOptions = {}, poolSize = 3): Promise<App> {
    const module = await Test.createTestingModule({
      imports: [databaseModule(poolSize), WorkerModule.forRoot(), SchedulesModule.forRoot(options)],
      providers: [Reminders],
    }).compile();
    open.push(module);
    await module.init();
    return {
      module,
      schedules: module.get(Schedules),
      store: module.get(ScheduleStore),
      reminders: module.get(Reminders),
      transactions: module.get(Transactions, { strict: false }),
    };
  }

  const until = (app: App, key: string, done: (schedule: Schedule) => boolean): Promise<Schedule> =>
    eventually(async () => {
      const schedule = await app.schedules.get('reminder', key);
      return schedule && done(schedule) && schedule;
    });

  it('runs each due schedule once, by one of the replicas', async () => {
    const [writer, ...replicas] = [await start({ dispatch: false }), await start(), await start()];
    const keys = Array.from({ length: 300 }, (_, n) => `user ${n}`);
    for (const key of keys) await writer.schedules.upsert({ handler: 'reminder', key, at: new Date() });
    for (const key of keys) await until(writer, key, ({ state }) => state === 'ended');
    const seen = replicas.flatMap(({ reminders }) => reminders.seen);
    expect(seen.map(({ key }) => key).sort()).toEqual([...keys].sort());
    expect(new Set(seen.map(({ token }) => token)).size).toBe(300);
  });

  it('runs again what a replica had claimed that fell silent, with a larger token, and takes nothing from that one', async () => {
    const writer = await start({ dispatch: false });
    await writer.schedules.upsert({ handler: 'reminder', key: 'ada', at: new Date(0) });
    const limits = new Map([['reminder', 10]]);
    const { claims } = await writer.store.claim({ limits, horizon: 0, lease: 500, replica: 'dead' });
    const app = await start();
    await until(app, 'ada', ({ state }) => state === 'ended');
    expect(app.reminders.seen).toEqual([{ key: 'ada', attempt: 2, token: expect.any(Number) }]);
    expect(app.reminders.seen[0]!.token).toBeGreaterThan(claims[0]!.token);
    const late = { claim: claims[0]!, turn: null, attempt: 1, claims: 0, missed: 0, turns: 1 };
    expect(await writer.store.settle([late])).toEqual(new Set());
  });

  it('keeps a long run from other replicas, as long as it lasts', async () => {
    const [first, second] = [await start({ lease: '2s' }), await start({ lease: '2s' })];
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    for (const { reminders } of [first, second]) reminders.behaviour = () => ended;
    await first.schedules.upsert({ handler: 'reminder', key: 'long', at: new Date(0) });
    await eventually(() => first.reminders.seen.length + second.reminders.seen.length > 0);
    const [{ due }] = await dueAt(first);
    // Renewed twice: twice as long as it was claimed for.
    await eventually(async () => (await dueAt(first))[0].due > due + 2_500);
    end();
    expect(await until(first, 'long', ({ state }) => state === 'ended')).toMatchObject({ runs: 1 });
    expect([...first.reminders.seen, ...second.reminders.seen]).toHaveLength(1);
  });

  it('waits after the failure of a run that was active while nothing else was due', async () => {
    const app = await start();
    let fail!: (error: Error) => void;
    app.reminders.behaviour = () => new Promise((_, reject) => (fail = reject));
    const claim = jest.spyOn(app.store, 'claim');
    await app.schedules.upsert({ handler: 'reminder', key: 'ada', at: new Date(0) });
    await eventually(() => app.reminders.seen.length > 0);
    const looks = claim.mock.calls.length;
    await eventually(() => claim.mock.calls.length > looks + 2);
    fail(new Error('no such mailbox'));
    const failed = await until(app, 'ada', ({ runs }) => runs > 0);
    expect(failed.lastEndedAt!.getTime()).toBeGreaterThan(failed.createdAt.getTime());
    expect(failed.nextRun!.getTime()).toBeGreaterThan(failed.lastEndedAt!.getTime() + 10_000);
  });

  it('ends a run that is cancelled on another replica, of whichever replica that is, and of no other schedule', async () => {
    const [writer, ...replicas] = [await start({ dispatch: false }), await start(), await start()];
    const ended: string[] = [];
    for (const { reminders } of replicas)
      reminders.behaviour = ({ key, signal }) =>
        new Promise<void>((resolve) => {
          const end = (): void => {
            ended.push(`${key}: ${(signal.reason as Error).message}`);
            resolve();
          };
          signal.addEventListener('abort', end);
        });
    const keys = ['ada', 'grace', 'joan', 'mary'];
    for (const key of keys)
      await writer.schedules.upsert({ handler: 'reminder', key, every: '1h', startsAt: new Date(0) });
    for (const key of keys) await writer.schedules.trigger('reminder', key);
    await eventually(() => replicas.flatMap(({ reminders }) => reminders.seen).length === keys.length);
    for (const key of keys.slice(1))
      await writer.schedules.cancel('reminder', key, { actor: 'Ada', reason: 'enough' });
    for (const key of keys.slice(1))
      expect(await until(writer, key, ({ runs }) => runs > 0)).toMatchObject({
        state: 'active',
        lastOutcome: 'cancelled',
        lastError: expect.stringContaining('was cancelled by Ada: enough'),
      });
    expect(ended.map((run) => run.split(':')[0]).sort()).toEqual(keys.slice(1));
    expect(await writer.schedules.get('reminder', 'ada')).toMatchObject({ state: 'running', runs: 0 });
  });

  it('runs no slot again that was cancelled, when its replica dies before it hears of that', async () => {
    const writer = await start({ dispatch: false });
    await writer.schedules.upsert({ handler: 'reminder', key: 'ada', at: new Date(0) });
    const limits = new Map([['reminder', 10]]);
    await writer.store.claim({ limits, horizon: 0, lease: 60_000, replica: 'dead' });
    await writer.schedules.cancel('reminder', 'ada', { actor: 'Ada' });
    await writer.transactions.query(`UPDATE schedules SET due_at = clock_timestamp()`);
    const app = await start();
    expect(await until(app, 'ada', ({ state }) => state === 'ended')).toMatchObject({
      lastOutcome: 'cancelled',
      runs: 1,
    });
    expect(app.reminders.seen).toEqual([]);
  });

  it('lets the run of a schedule that was removed come to its end, and ends that of one that was made anew', async () => {
    const app = await start({ lease: '2s' });
    const ends = new Map<string, () => void>();
    const aborted = new Set<string>();
    app.reminders.behaviour = ({ key, signal }) =>
      new Promise<void>((resolve) => {
        ends.set(key, resolve);
        signal.addEventListener('abort', () => {
          aborted.add(key);
          resolve();
        });
      });
    for (const key of ['gone', 'anew', 'kept'])
      await app.schedules.upsert({ handler: 'reminder', key, at: new Date(0) });
    await eventually(() => ends.size === 3);
    for (const key of ['gone', 'anew']) await app.schedules.remove('reminder', key);
    await app.schedules.upsert({ handler: 'reminder', key: 'anew', every: '1h' });
    await eventually(() => aborted.size > 0);
    expect([...aborted]).toEqual(['anew']);
    for (const end of ends.values()) end();
    await until(app, 'kept', ({ state }) => state === 'ended');
    expect(await app.schedules.get('reminder', 'gone')).toBeUndefined();
    expect(await app.schedules.get('reminder', 'anew')).toMatchObject({ runs: 0, state: 'active' });
  });

  it('gives back what has not started when it ends, lets what has come to its end, and stores that', async () => {
    const app = await start();
    let end!: () => void;
    const ended = new Promise<void>((resolve) => (end = resolve));
    app.reminders.behaviour = () => ended;
    for (let n = 0; n < 60; n++)
      await app.schedules.upsert({ handler: 'reminder', key: `${n}`, at: new Date(0) });
    await eventually(() => app.reminders.seen.length === 20);
    const closed = app.module.close();
    const other = await start({ dispatch: false });
    await eventually(async () => (await states(other)).running === 20);
    end();
    await closed;
    expect(await states(other)).toEqual({ active: 40, ended: 20 });
    const rows = await other.transactions.query(
      'SELECT 1 FROM schedules WHERE claims <> 0 AND ended_at IS NULL',
    );
    expect(rows).toEqual([]);
  });

  it('writes in a transaction of the caller’s: with what else is written there, or not at all', async () => {
    const { schedules, transactions } = await start({ dispatch: false });
    const input = { handler: 'reminder', key: 'ada', every: '1h' } as const;
    const failing = transactions.run(async () => {
      await schedules.upsert(input, { manager: transactions.manager() });
      expect(await schedules.get('reminder', 'ada')).toBeDefined();
      throw new Error('no such user');
    });
    await expect(failing).rejects.toThrow('no such user');
    expect(await schedules.get('reminder', 'ada')).toBeUndefined();
    await transactions.run(() => schedules.upsert(input, { manager: transactions.manager() }));
    expect(await schedules.get('reminder', 'ada')).toBeDefined();
    await expect(schedules.upsert(input, { manager: {} as never })).rejects.toThrow(
      'manager: give what runs SQL',
    );
  });

  it('writes in a transaction that has the last connection of the pool', async () => {
    const { module, schedules } = await start({ dispatch: false }, 1);
    await module.get(DataSource, { strict: false }).transaction(async (manager) => {
      await schedules.upsert({ handler: 'reminder', key: 'ada', every: '1h' }, { manager });
      await schedules.upsertMany([{ handler: 'reminder', key: 'grace', every: '1h' }], { manager });
      await schedules.remove('reminder', 'ada', { manager });
    });
    expect((await schedules.list()).items.map(({ key }) => key)).toEqual(['grace']);
  });

  it('reads and steers in a transaction of the caller’s what was written there', async () => {
    const { schedules } = await start({ dispatch: false });
    const name = ['reminder', 'ada'] as const;
    const manager = new pg.Client({ connectionString: database.url });
    await manager.connect();
    try {
      await manager.query('BEGIN');
      await schedules.upsert({ handler: 'reminder', key: 'ada', every: '1h' }, { manager });
      await schedules.pause(...name, { manager });
      expect(await schedules.get(...name, { manager })).toMatchObject({ state: 'paused' });
      await schedules.resume(...name, { manager });
      await schedules.trigger(...name, { actor: 'Ada', manager });
      await schedules.trigger(...name, { manager });
      expect(await schedules.get(...name, { manager })).toMatchObject({ state: 'active' });
      await expect(schedules.cancel(...name, { manager })).rejects.toThrow('has no run');
      expect(await schedules.get(...name)).toBeUndefined();
      await manager.query('ROLLBACK');
    } finally {
      await manager.end();
    }
    expect(await schedules.get(...name)).toBeUndefined();
  });

  it('stores results and renews leases beside a transaction that holds the row of one, and those of that one afterwards', async () => {
    const app = await start({ lease: '10s' });
    const ends = new Map<string, () => void>();
    const aborted: string[] = [];
    app.reminders.behaviour = ({ key, signal }) => {
      // The lease of the one that is held ends meanwhile: it may be run again.
      if (ends.has(key)) return undefined;
      return new Promise<void>((resolve) => {
        ends.set(key, resolve);
        signal.addEventListener('abort', () => aborted.push(key));
      });
    };
    for (const key of ['held', 'long', 'quick'])
      await app.schedules.upsert({ handler: 'reminder', key, at: new Date(0) });
    await eventually(() => ends.size === 3);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    try {
      await other.query('BEGIN');
      const changed = { handler: 'reminder', key: 'held', at: new Date(0), payload: 'another' };
      await app.schedules.upsert(changed, { manager: other });
      for (const key of ['held', 'quick']) ends.get(key)!();
      await until(app, 'quick', ({ state }) => state === 'ended');
      const [{ due }] = await dueAt(app);
      await eventually(async () => (await dueAt(app))[0].due > due + 2_500);
      expect(aborted).not.toContain('long');
      await other.query('COMMIT');
    } finally {
      await other.end();
    }
    expect(await until(app, 'held', ({ state }) => state === 'ended')).toMatchObject({ payload: 'another' });
    ends.get('long')!();
    await until(app, 'long', ({ state }) => state === 'ended');
    const others = app.reminders.seen.map(({ key }) => key).filter((key) => key !== 'held');
    expect(others.sort()).toEqual(['long', 'quick']);
  }, 60_000);

  async function states({ transactions }: App): Promise<Record<string, number>> {
    const rows = await transactions.query<{ state: string; count: number }>(`
      SELECT CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN claimed_by IS NOT NULL THEN 'running' ELSE 'active' END AS state,
        count(*)::int AS count
      FROM schedules GROUP BY 1`);
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  function dueAt({ transactions }: App): Promise<[{ due: number }]> {
    return transactions.query<{ due: number }>(
      `SELECT date_part('epoch', due_at) * 1000 AS due FROM schedules WHERE key = 'long'`,
    ) as Promise<[{ due: number }]>;
  }
});
