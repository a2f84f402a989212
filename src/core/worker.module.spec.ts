import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { gate } from '../../test/support/gate.js';
import { InMemoryRunStore } from './history/in-memory-run.store.js';
import { postgresHistory } from './postgres/postgres-run.store.js';
import { Scheduler } from './scheduler/scheduler.js';
import { ManualClock } from './testing/manual-clock.js';
import { Clock } from './timing/clock.js';
import { Interval } from './worker/interval.decorator.js';
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
