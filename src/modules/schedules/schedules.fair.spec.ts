import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { query } from '../../../test/support/query.js';
import { WorkerModule } from '../../core/worker.module.js';
import { DatabaseModule } from '../schema/database.module.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';

/** Milliseconds: what is waited for is a condition, on a machine that is busy. */
const PATIENCE = 60_000;
const TIMEOUT = 150_000;

/** Runs that do not end before they are told to. */
@Injectable()
class Handlers {
  readonly active = new Set<string>();
  private end!: () => void;
  private readonly told = new Promise<void>((resolve) => (this.end = resolve));

  release(): void {
    this.end();
  }

  @Scheduled('slow', { concurrency: 10 })
  slow(context: ScheduledContext): Promise<void> {
    return this.hold(context);
  }

  @Scheduled('grouped', { concurrency: 30, groupConcurrency: 2 })
  grouped(context: ScheduledContext): Promise<void> | undefined {
    return context.group === 'acme' ? this.hold(context) : undefined;
  }

  @Scheduled('failing', { backoff: '1h' })
  failing(): void {
    throw new Error('no such mailbox');
  }

  @Scheduled('quick')
  quick(): void {}

  private async hold({ key, signal }: ScheduledContext): Promise<void> {
    this.active.add(key);
    await Promise.race([this.told, new Promise((resolve) => signal.addEventListener('abort', resolve))]);
  }
}

describe('a replica, while many schedules wait in PostgreSQL', () => {
  let database: TestDatabase;
  let module: TestingModule | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
    // Makes the tables.
    await (await open(false)).close();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    for (const level of ['error', 'warn'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => {});
    await run('TRUNCATE schedules');
  });
  afterEach(async () => {
    module?.get(Handlers).release();
    await module?.close();
    module = undefined;
    jest.restoreAllMocks();
  });

  async function open(dispatch: boolean): Promise<TestingModule> {
    const opened = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url, poolSize: 3, tables: 'schedules' }),
        WorkerModule.forRoot(),
        SchedulesModule.forRoot({ dispatch }),
      ],
      providers: [Handlers],
    }).compile();
    await opened.init();
    return opened;
  }
  const start = async (): Promise<Handlers> => (module = await open(true)).get(Handlers);
  const run = <Row extends Record<string, unknown>>(sql: string, values?: unknown[]) =>
    query<Row>(database.url, sql, values);
  /** Due once, one after the other, from that instant on. */
  const due = (
    handler: string,
    count: number,
    from: string,
    more: { group?: string; payload?: string } = {},
  ) =>
    run(
      `INSERT INTO schedules (
         handler, key, timing, payload, group_name, created_at, changed_at, revision, slot_at, planned_at, due_at
       )
       SELECT $1, $1 || ' ' || $3 || ' ' || n, '{"at":0}', $4, $5, now(), now(), nextval('schedule_tokens'), slot, slot, slot
       FROM generate_series(1, $2) AS n, LATERAL (SELECT $3::timestamptz + n * interval '1 ms') AS d (slot)`,
      [handler, count, from, more.payload ?? null, more.group ?? null],
    );
  const ended = async (of: string): Promise<number> => {
    const [row] = await run<{ n: number }>(
      `SELECT count(*)::int AS n FROM schedules WHERE ended_at IS NOT NULL AND last_outcome = 'succeeded' AND ${of}`,
    );
    return row!.n;
  };

  it(
    'runs those of one handler, though a hundred thousand of another wait for its slow runs',
    async () => {
      await due('slow', 100_000, '2020-01-01');
      await due('quick', 300, '2025-01-01');
      const handlers = await start();
      await eventually(async () => (await ended(`handler = 'quick'`)) === 300, PATIENCE);
      await eventually(() => handlers.active.size === 10, PATIENCE);
      expect(await ended(`handler = 'slow'`)).toBe(0);
      // More than it can run soon is left to other replicas.
      const [claimed] = await run('SELECT count(*)::int AS n FROM schedules WHERE claimed_by IS NOT NULL');
      expect(claimed!.n).toBeLessThanOrEqual(20);
    },
    TIMEOUT,
  );

  it(
    'runs those of other groups, and of none, though thousands of a group that is full have waited for longer',
    async () => {
      await due('grouped', 20_000, '2020-01-01', { group: 'acme' });
      await due('grouped', 150, '2025-01-01', { group: 'beta' });
      await due('grouped', 150, '2025-01-02', { group: 'gamma' });
      await due('grouped', 150, '2025-02-01');
      const handlers = await start();
      await eventually(async () => (await ended(`group_name IS DISTINCT FROM 'acme'`)) === 450, PATIENCE);
      await eventually(() => handlers.active.size === 2, PATIENCE);
      expect(await ended(`group_name = 'acme'`)).toBe(0);
    },
    TIMEOUT,
  );

  it(
    'runs beside a handler that always fails, payloads that cannot be read, and handlers that nobody has',
    async () => {
      await due('failing', 2_000, '2020-01-01');
      await due('gone', 2_000, '2020-01-01');
      await due('quick', 200, '2020-01-01', { payload: '{' });
      await due('quick', 300, '2025-01-01');
      await start();
      await eventually(async () => (await ended(`handler = 'quick' AND payload IS NULL`)) === 300, PATIENCE);
      // Each of the others says what is wrong, and waits.
      const waiting = async (of: string, outcome: string, error: string): Promise<number> => {
        const [row] = await run<{ n: number }>(
          `SELECT count(*)::int AS n FROM schedules WHERE ended_at IS NULL AND planned_at > slot_at + interval '10 s'
           AND consecutive_failures > 0 AND last_outcome = $1 AND last_error LIKE $2 AND ${of}`,
          [outcome, error],
        );
        return row!.n;
      };
      await eventually(
        async () => (await waiting(`handler = 'failing'`, 'failed', 'no such mailbox')) === 2_000,
        PATIENCE,
      );
      await eventually(
        async () => (await waiting(`payload = '{'`, 'failed', '%is no JSON%')) === 200,
        PATIENCE,
      );
      await eventually(
        async () => (await waiting(`handler = 'gone'`, 'unknown_handler', 'No replica has%')) > 0,
        PATIENCE,
      );
    },
    TIMEOUT,
  );
});
