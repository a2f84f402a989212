import { randomUUID } from 'node:crypto';
import { setTimeout as pass } from 'node:timers/promises';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { StaleRunError } from '../coordination/coordination.errors.js';
import { type Claim, type Coordinator } from '../coordination/coordinator.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { type RunContext } from '../worker/run-context.js';
import { WorkerModule } from '../worker.module.js';
import { postgres } from './postgres.coordinator.js';

const MINUTE = 60_000;
const LEASE = 5_000;

// Connections are made, on machines with little to spare.
jest.setTimeout(30_000);

/** What only a real server, a real lock and a real connection can show. */
describe('PostgresCoordinator', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let direct: pg.Pool;
  let coordinator: Coordinator;
  let through: string;
  let slot: number;

  beforeAll(async () => {
    database = await createTestDatabase();
    direct = new pg.Pool({ connectionString: database.url, max: 4 });
    direct.on('error', () => {});
    ({ proxy, url: through } = await TcpProxy.before(database.url));
  });
  beforeEach(async () => {
    coordinator = postgres({ connectionString: through });
    await coordinator.open();
    slot = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTE;
    await coordinator.enroll([{ name: 'w', timing: '{"every":"1m","spacing":"slot"}', slot: slot - MINUTE }]);
  });
  afterEach(async () => {
    await coordinator.close();
    await direct.query('TRUNCATE workers.workers, workers.requests, workers.runs');
  });
  afterAll(async () => {
    await proxy.close();
    await direct.end();
    await database.drop();
  });

  const claim = (given: Partial<Claim> = {}): Claim => ({
    worker: 'w',
    runId: randomUUID(),
    replica: randomUUID(),
    fencing: 0,
    from: slot - MINUTE,
    target: { slot },
    missed: 0,
    skipped: 0,
    lease: LEASE,
    maxAttempts: 3,
    ...given,
  });
  const waiting = async (count: number) =>
    eventually(async () => {
      const { rowCount } = await direct.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rowCount === count;
    });

  describe('claims that have to wait for the lock of the row', () => {
    it('are granted to one of them, and the other has lost the race; the wait does not shorten the lease', async () => {
      const holder = await direct.connect();
      await holder.query('BEGIN; SELECT FROM workers.workers FOR UPDATE');
      const claims = [coordinator.claim(claim()), coordinator.claim(claim())];
      await waiting(2);
      // So long that it would be missed.
      await pass(1_000);
      await holder.query('COMMIT');
      holder.release();

      const answers = await Promise.all(claims);
      const granted = answers.find((answer) => answer.granted)!;
      const refused = answers.find((answer) => !answer.granted)!;
      expect(refused).toMatchObject({ granted: false, reason: 'lost_race' });
      expect(granted.record).toMatchObject({ fencing: 1, slot });
      expect(granted.record!.leaseUntil! - granted.time).toBeGreaterThan(LEASE - 500);
      expect((await workerRow('w')).fencing).toBe('1');
    });

    it('are refused when the transaction that they waited for was a claim itself', async () => {
      const holder = await direct.connect();
      await holder.query('BEGIN; UPDATE workers.workers SET fencing = 1');
      const late = coordinator.claim(claim());
      await waiting(1);
      await holder.query('COMMIT');
      holder.release();
      expect(await late).toMatchObject({ granted: false, reason: 'lost_race' });
    });
  });

  describe('a claim whose answer is lost', () => {
    it('is granted once: repeated, it brings the same token and the same lease', async () => {
      const asked = claim();
      proxy.loseNextAnswer();
      await expect(coordinator.claim(asked)).rejects.toThrow();
      const { rows } = await direct.query<{ until: number }>(
        `SELECT (extract(epoch FROM lease_until) * 1000)::float8 AS until FROM workers.workers`,
      );
      const again = await coordinator.claim(asked);
      expect(again).toMatchObject({ granted: true, record: { fencing: 1, leaseUntil: rows[0]!.until } });
      expect(await workerRow('w')).toMatchObject({ fencing: '1', run_id: asked.runId });
    });

    it('leads to one run of the slot when the scheduler has asked', async () => {
      const ran: RunContext[] = [];
      const app = await startApp(5_000, ran);
      await eventually(() => ran.length > 0);
      proxy.loseNextAnswer();
      const before = ran.length;
      await eventually(() => ran.length > before + 3);
      await app.close();
      const slots = ran.map((run) => run.slot!.getTime());
      expect(new Set(slots).size).toBe(slots.length);
      const { rows } = await direct.query<{ n: number }>(
        `SELECT (run_count + skipped_count + missed_count + superseded_count + (NOT done)::int)::int AS n
         FROM workers.workers WHERE name = 'quick'`,
      );
      const elapsed = (slots.at(-1)! - slots[0]!) / INTERVAL + 1;
      expect(rows[0]!.n).toBeGreaterThanOrEqual(elapsed);
    });
  });

  it('gives a grant back unrun that is learnt when its lease may be over', async () => {
    const ran: RunContext[] = [];
    const app = await startApp(1_000, ran);
    await eventually(() => ran.length > 0);
    let late: string | undefined;
    for (let seen = ran.length; late === undefined; seen = ran.length) {
      await eventually(() => ran.length > seen);
      const pass = proxy.holdAnswers();
      // Of this slot PostgreSQL knows that it was granted, and the replica does not.
      late = await eventually(async () => {
        const { holder, run_id } = await workerRow('quick');
        return holder !== null && !ran.some(({ runId }) => runId === run_id) && run_id;
      }, 1_000).catch(() => undefined);
      if (late !== undefined) await leaseOver(late);
      pass();
    }
    const after = ran.length;
    await eventually(() => ran.length > after);
    await app.close();
    expect(ran.map(({ runId }) => runId)).not.toContain(late);
    // It was not lost: it was given back, and its slot tried again or passed over.
    const { rows } = await direct.query(`SELECT lost_count::int FROM workers.workers WHERE name = 'quick'`);
    expect(rows).toEqual([{ lost_count: 0 }]);
    expect(new Set(ran.map(({ attempt }) => attempt))).toEqual(new Set([1]));
  });

  describe('the guard of a write', () => {
    it('keeps any other from being granted until the transaction ends', async () => {
      const held = await granted(100);
      const client = await direct.connect();
      await client.query('BEGIN');
      await coordinator.assertCurrent(held, client);
      await pass(150);
      const taken = coordinator.claim(claim({ fencing: 1, from: slot }));
      await waiting(1);
      await client.query('COMMIT');
      expect(await taken).toMatchObject({ granted: true, record: { fencing: 2 } });
      await expect(coordinator.assertCurrent(held, client)).rejects.toThrow(StaleRunError);
      client.release();
    });

    it('does not keep the worker from all others when its client has gone without a word', async () => {
      const held = await granted(100);
      const client = await direct.connect();
      client.on('error', () => {});
      await client.query('BEGIN');
      await coordinator.assertCurrent(held, client);
      const { rows } = await client.query('SHOW idle_in_transaction_session_timeout');
      expect(rows).toEqual([{ idle_in_transaction_session_timeout: '10s' }]);
      await client.query('ROLLBACK');
      const after = await client.query('SHOW idle_in_transaction_session_timeout');
      expect(after.rows).toEqual([{ idle_in_transaction_session_timeout: '0' }]);
      // One that the application has chosen stays.
      await client.query('BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1234');
      await coordinator.assertCurrent(held, client);
      const chosen = await client.query('SHOW idle_in_transaction_session_timeout');
      expect(chosen.rows).toEqual([{ idle_in_transaction_session_timeout: '1234ms' }]);
      await client.query('ROLLBACK');
      client.release();
    });
  });

  const INTERVAL = 300;

  async function granted(lease: number) {
    const { record } = await coordinator.claim(claim({ lease }));
    return { worker: 'w', runId: record!.runId!, fencing: record!.fencing };
  }

  async function workerRow(name: string) {
    const { rows } = await direct.query<{ fencing: string; holder: string | null; run_id: string }>(
      'SELECT fencing, holder, run_id FROM workers.workers WHERE name = $1',
      [name],
    );
    return rows[0]!;
  }

  async function leaseOver(run: string) {
    await eventually(async () => {
      const { rowCount } = await direct.query(
        'SELECT FROM workers.workers WHERE run_id = $1 AND lease_until < clock_timestamp()',
        [run],
      );
      return rowCount === 1;
    });
  }

  /** An application whose worker notes its runs. */
  async function startApp(lease: number, ran: RunContext[]) {
    const coordination = postgres({ connectionString: through });
    const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot({ coordination, lease })] })
      .setLogger({ log: () => {}, warn: () => {}, error: () => {} })
      .compile();
    app
      .get(Scheduler)
      .register({ name: 'quick', interval: INTERVAL, run: async (context) => void ran.push(context) });
    return app.init();
  }
});
