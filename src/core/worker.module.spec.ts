import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { gate } from '../../test/support/gate.js';
import { InMemoryRunStore } from './history/in-memory-run.store.js';
import { postgresHistory } from './postgres/postgres-run.store.js';
import { Scheduler } from './scheduler/scheduler.js';
import { ManualClock } from './testing/manual-clock.js';
import { Clock } from './timing/clock.js';
import { Interval } from './worker/interval.decorator.js';
import { type RunContext } from './worker/run-context.js';
import { WorkerModule } from './worker.module.js';

const silent = { log: () => {}, warn: () => {}, error: () => {} };

describe('WorkerModule', () => {
  describe('on a database', () => {
    let database: TestDatabase;

    beforeAll(async () => {
      database = await createTestDatabase();
    });
    afterAll(() => database.drop());

    it('takes its options from a factory, and drains while the data source is open still', async () => {
      const inFlight = gate();
      const mayEnd = gate();

      @Injectable()
      class Writer {
        constructor(private readonly dataSource: DataSource) {}
        @Interval('writer', 0)
        async write() {
          inFlight.open();
          await mayEnd.opened;
          await this.dataSource.query('CREATE TABLE written (); SELECT 1');
        }
      }
      const app = await Test.createTestingModule({
        imports: [
          TypeOrmModule.forRoot({ type: 'postgres', url: database.url }),
          WorkerModule.forRootAsync({
            inject: [DataSource],
            useFactory: (dataSource: DataSource) => ({ history: postgresHistory({ dataSource }) }),
          }),
        ],
        providers: [Writer],
      })
        .setLogger(silent)
        .compile();
      await app.init();
      const { runId } = await app.get(Scheduler).trigger('writer');
      await inFlight.opened;
      const closed = app.close();
      mayEnd.open();
      await closed;

      const client = new pg.Client(database.url);
      await client.connect();
      const { rows } = await client.query('SELECT id, outcome FROM workers.runs');
      expect(rows).toEqual([{ id: runId, outcome: 'succeeded' }]);
      await expect(client.query('SELECT FROM written')).resolves.toMatchObject({ rowCount: 0 });
      const { rowCount } = await client.query('SELECT FROM workers.replicas');
      expect(rowCount).toBe(0);
      await client.end();
    });

    it('drains twenty workers, one of them deaf to its signal, in drain.timeout + abortGrace, and records how each ended', async () => {
      const clock = new ManualClock();
      const app = await Test.createTestingModule({
        imports: [
          TypeOrmModule.forRoot({ type: 'postgres', url: database.url }),
          WorkerModule.forRootAsync({
            inject: [DataSource],
            useFactory: (dataSource: DataSource) => ({
              history: postgresHistory({ dataSource, schema: 'drained' }),
              drain: { timeout: '10s', abortGrace: '5s' },
            }),
          }),
        ],
      })
        .overrideProvider(Clock)
        .useValue(clock)
        .setLogger(silent)
        .compile();
      await app.init();
      const [scheduler, dataSource] = [app.get(Scheduler), app.get(DataSource)];
      await dataSource.query('CREATE TABLE left_behind (worker text)');
      /** Writes when it ends: nine within the drain, ten at their signal. The deaf one never ends. */
      const work = async (seconds: number, { worker, signal }: RunContext): Promise<void> => {
        await new Promise<void>((resolve) => {
          clock.setTimer(resolve, seconds * 1_000);
          if (worker !== 'deaf') signal.addEventListener('abort', () => resolve());
        });
        await dataSource.query('INSERT INTO left_behind VALUES ($1)', [worker]);
      };
      const start = async (name: string, seconds: number) => {
        scheduler.register({ name, interval: 0, run: (context) => work(seconds, context) });
        return (await scheduler.trigger(name)).ended;
      };
      const quick = Array.from({ length: 9 }, (_, i) => start(`quick ${i}`, i + 1));
      const slow = Array.from({ length: 10 }, (_, i) => start(`slow ${i}`, 100 + i));
      void start('deaf', 100);
      await clock.advance(0);
      const began = clock.now();

      let closed = false;
      const closing = app.close().then(() => (closed = true));
      await eventually(() => !scheduler.running);
      await clock.advance('9s');
      for (const run of await Promise.all(quick)) expect(run.outcome).toBe('succeeded');
      await clock.advance('1s');
      for (const run of await Promise.all(slow))
        expect(run).toMatchObject({ outcome: 'aborted', endedAt: new Date(began + 10_000) });
      await clock.advance('4999ms');
      expect(closed).toBe(false);
      await clock.advance('1ms');
      await closing;
      expect(clock.now() - began).toBe(15_000);

      const client = new pg.Client(database.url);
      await client.connect();
      const { rows } = await client.query(
        `SELECT outcome, count(*)::int AS runs, max(ended_at) AS last FROM drained.runs GROUP BY 1 ORDER BY 1`,
      );
      expect(rows).toEqual([
        { outcome: 'aborted', runs: 11, last: new Date(began + 15_000) },
        { outcome: 'succeeded', runs: 9, last: new Date(began + 9_000) },
      ]);
      expect((await client.query('SELECT FROM left_behind')).rowCount).toBe(19);
      await client.end();
    });
  });

  it('opens nothing when a worker is badly defined', async () => {
    class Store extends InMemoryRunStore {
      opened = false;
      override async open(): Promise<void> {
        this.opened = true;
      }
    }
    const history = new Store();
    @Injectable()
    class Bad {
      @Interval('bad', '5 bananas' as '5s')
      work() {}
    }
    const app = await Test.createTestingModule({
      imports: [WorkerModule.forRoot({ history })],
      providers: [Bad],
    })
      .setLogger(silent)
      .compile();
    await expect(app.init()).rejects.toThrow(/Bad\.work \(in RootTestModule\): interval: '5 bananas'/);
    expect(history.opened).toBe(false);
  });

  it('does not start when its store cannot be opened', async () => {
    class Store extends InMemoryRunStore {
      override open(): Promise<void> {
        return Promise.reject(new Error('no such host'));
      }
    }
    const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot({ history: new Store() })] })
      .setLogger(silent)
      .compile();
    await expect(app.init()).rejects.toThrow('no such host');
    expect(app.get(Scheduler).running).toBe(false);
  });

  it('refuses a drain time that is none', async () => {
    const module = Test.createTestingModule({
      imports: [WorkerModule.forRoot({ drain: { timeout: 'soon' as '1s' } })],
    });
    await expect(module.setLogger(silent).compile()).rejects.toThrow(/'soon' is not a duration/);
  });

  it('finds workers of every module, and is imported in one', async () => {
    @Injectable()
    class Worker {
      @Interval('far', 0)
      work() {}
    }
    @Module({ providers: [Worker] })
    class Far {}
    @Module({ imports: [Far] })
    class Middle {}
    const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot(), Middle] })
      .overrideProvider(Clock)
      .useValue(new ManualClock())
      .setLogger(silent)
      .compile();
    await app.init();
    expect(app.get(Scheduler).workers()).toMatchObject([{ name: 'far', running: true }]);
    await app.close();
  });
});
