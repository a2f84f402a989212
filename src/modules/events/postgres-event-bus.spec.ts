import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import net from 'node:net';
import pg from 'pg';
import { DataSource } from 'typeorm';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../test/support/control-plane-database.js';
import { createTestDatabase } from '../../../test/support/database.js';
import { dataSourceOptions } from '../schema/data-source.js';
import { Transactions } from '../database/transaction.js';
import { newId } from '../ids/typed-id.js';
import { eventBusContract } from './event-bus.contract.js';
import { EventLog } from './event.log.js';
import { PostgresEventBus } from './postgres-event-bus.js';

describe('PostgresEventBus', () => {
  let database: ControlPlaneDatabase;
  let bus: PostgresEventBus;
  let replica: PostgresEventBus;
  let replicaSource: DataSource;
  const opened: PostgresEventBus[] = [];

  beforeAll(async () => {
    database = await openControlPlaneDatabase();
    replicaSource = await new DataSource(dataSourceOptions({ url: database.url })).initialize();
    bus = openBus(database.transactions);
    replica = openBus(new Transactions(replicaSource));
    // Failing subscribers are logged, and these tests have some.
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
  });

  afterEach(async () => {
    for (const extra of opened.splice(2)) await extra.onModuleDestroy();
  });

  afterAll(async () => {
    for (const each of opened) await each.onModuleDestroy();
    await replicaSource.destroy();
    await database.close();
  });

  function openBus(transactions: Transactions, pollInterval = 20): PostgresEventBus {
    const made = new PostgresEventBus(new EventLog(transactions), transactions, { pollInterval });
    opened.push(made);
    return made;
  }

  const contract = eventBusContract(() => ({
    bus,
    replica,
    transaction: (fn) => database.transactions.run(fn),
  }));
  for (const { name, run } of contract) it(name, run);

  it('ends although the database does not answer', async () => {
    const hanging = openBus(database.transactions);
    const heard = hear(hanging, 'hanging.made');
    await hanging.publish({ type: 'hanging.made', payload: { n: 1 } });
    await heard.count(1);
    const lock = new pg.Client({ connectionString: database.url });
    await lock.connect();
    await lock.query('BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE');
    const waits = `SELECT FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass`;
    while ((await lock.query(waits)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await hanging.onModuleDestroy();
    expect((await lock.query(waits)).rowCount).not.toBe(0);
    await lock.query('ROLLBACK');
    await lock.end();
  });

  it('loses no event whose transaction began first and committed last', async () => {
    const heard = hear(replica, 'late.made');
    await replica.publish({ type: 'listener.ready', payload: {} });
    const early = database.dataSource.createQueryRunner();
    await early.startTransaction();
    await early.query(`INSERT INTO events (id, type, payload) VALUES ($1, 'late.made', '{"n": 1}')`, [
      newId('event'),
    ]);
    await bus.publish({ type: 'late.made', payload: { n: 2 } });
    const reads = jest.spyOn(EventLog.prototype, 'after');
    await until(() => reads.mock.calls.length > 3);
    reads.mockRestore();
    expect(heard.numbers).toEqual([]);
    await early.commitTransaction();
    await early.release();
    await heard.count(2);
    expect(heard.numbers).toEqual([1, 2]);
    heard.stop();
  });

  it.each(['a transaction that is active', 'a prepared transaction'])(
    'waits for nobody in another database of the server: %s',
    async (kind) => {
      const elsewhere = await createTestDatabase();
      const client = new pg.Client({ connectionString: elsewhere.url });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      if (kind === 'a prepared transaction') await client.query(`PREPARE TRANSACTION 'elsewhere'`);
      const [here, there] = [hear(bus, 'elsewhere.made'), hear(replica, 'elsewhere.made')];
      // What is news to a subscriber is settled by its replica's first query, which may have to connect for that.
      await replica.publish({ type: 'listener.ready', payload: {} });
      for (const n of [1, 2]) await bus.publish({ type: 'elsewhere.made', payload: { n } });
      await Promise.all([here.count(2), there.count(1)]);
      // Still: one of this database is waited for.
      const own = database.dataSource.createQueryRunner();
      await own.startTransaction();
      await own.query(`INSERT INTO events (id, type, payload) VALUES ($1, 'elsewhere.made', '{"n": 3}')`, [
        newId('event'),
      ]);
      await bus.publish({ type: 'elsewhere.made', payload: { n: 4 } });
      await own.commitTransaction();
      await own.release();
      await here.count(4);
      expect(here.numbers).toEqual([1, 2, 3, 4]);
      here.stop();
      there.stop();
      await client.query(kind === 'a prepared transaction' ? `ROLLBACK PREPARED 'elsewhere'` : 'ROLLBACK');
      await client.end();
      await elsewhere.drop();
    },
  );

  it('does not tell what was committed before, even while an older transaction is still open', async () => {
    const old = database.dataSource.createQueryRunner();
    await old.startTransaction();
    await old.query('SELECT pg_current_xact_id()');
    await bus.publish({ type: 'before.made', payload: { n: 1 } });
    const heard = hear(bus, 'before.made');
    await bus.publish({ type: 'before.made', payload: { n: 2 } });
    await old.commitTransaction();
    await old.release();
    await heard.count(1);
    expect(heard.numbers).toEqual([2]);
    heard.stop();
  });

  it('tells nothing more to one who unsubscribes amid several events of one transaction', async () => {
    const numbers: unknown[] = [];
    const stop = bus.subscribe('amid.made', ({ payload }) => {
      numbers.push(payload.n);
      stop();
    });
    const staying = hear(bus, 'amid.made');
    await database.transactions.run(async () => {
      for (const n of [1, 2]) await bus.publish({ type: 'amid.made', payload: { n } });
    });
    await staying.count(2);
    await until(() => numbers.length > 0);
    // Its page was read at the same time; a turn of the loop later it would have gone on with it.
    await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual([1]);
    staying.stop();
  });

  it('tells an event that its own transaction published before somebody subscribed in it', async () => {
    const heard = await database.transactions.run(async () => {
      await bus.publish({ type: 'own.made', payload: { n: 1 } });
      // Another transaction ends: now the own number is below the highest one.
      await replica.publish({ type: 'other.made', payload: {} });
      const listener = hear(bus, 'own.made');
      await bus.publish({ type: 'own.made', payload: { n: 2 } });
      return listener;
    });
    await heard.count(2);
    expect(heard.numbers).toEqual([1, 2]);
    heard.stop();
  });

  it('does not tell events as news that a dump of another server brought along', async () => {
    await bus.publish({ type: 'dump.made', payload: { n: 1 } });
    await database.dataSource.query(
      `UPDATE events SET xact = (pg_current_xact_id()::text::bigint + 5)::text::xid8 WHERE type = 'dump.made'`,
    );
    const restored = openBus(database.transactions);
    await restored.onModuleInit();
    const heard = hear(restored, 'dump.made');
    for (let n = 2; n <= 12; n++) await restored.publish({ type: 'dump.made', payload: { n } });
    await heard.count(11);
    expect(heard.numbers).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    heard.stop();
  });

  it('tells all of more events than it reads at a time, in order', async () => {
    const heard = hear(replica, 'many.made');
    await replica.publish({ type: 'listener.ready', payload: {} });
    const all = Array.from({ length: 450 }, (_none, n) => n);
    await database.transactions.run(async () => {
      for (const n of all) await bus.publish({ type: 'many.made', payload: { n } });
    });
    await heard.count(450);
    expect(heard.numbers).toEqual(all);
    heard.stop();
  });

  it('does not look again at the events that it passed over', async () => {
    const reads = jest.spyOn(EventLog.prototype, 'after');
    const own = openBus(database.transactions);
    const heard = hear(own, 'passed.never');
    await own.publish({ type: 'passed.other', payload: {} });
    const [{ xact }] = await database.dataSource.query(
      `SELECT xact::text AS xact FROM events WHERE type = 'passed.other'`,
    );
    await until(() => reads.mock.calls.some(([position, types]) => types && position.xact > BigInt(xact)));
    reads.mockRestore();
    heard.stop();
  });

  it('goes on where it was after the database was gone, and says so once', async () => {
    const proxy = await openProxy(database.url);
    const source = await new DataSource(dataSourceOptions({ url: proxy.url, poolSize: 2 })).initialize();
    const cut = openBus(new Transactions(source));
    const warned = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const logged = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    const heard = hear(cut, 'outage.made');
    await cut.publish({ type: 'outage.made', payload: { n: 1 } });
    await heard.count(1);

    proxy.close();
    await until(() => waits(warned).length > 0);
    await bus.publish({ type: 'outage.made', payload: { n: 2 } });
    const refused = proxy.refused();
    await until(() => proxy.refused() > refused + 3);
    proxy.open();
    await heard.count(2);
    expect(heard.numbers).toEqual([1, 2]);
    expect(waits(warned)).toHaveLength(1);
    expect(logged).toHaveBeenCalledTimes(1);

    warned.mockRestore();
    logged.mockRestore();
    heard.stop();
    await cut.onModuleDestroy();
    await source.destroy();
    proxy.end();
  });

  it('asks the database nothing without subscribers, and nothing more once it is destroyed', async () => {
    const query = jest.spyOn(EventLog.prototype, 'after');
    const own = openBus(database.transactions, 1);
    const heard = hear(own, 'quiet.made');
    await own.publish({ type: 'quiet.made', payload: { n: 1 } });
    await heard.count(1);
    await own.onModuleDestroy();
    query.mockClear();
    for (let n = 0; n < 5; n++) await bus.publish({ type: 'quiet.made', payload: { n: 2 } });
    expect(query).not.toHaveBeenCalled();
    expect(heard.numbers).toEqual([1]);
    query.mockRestore();
  });
});

/** Keeps the `n` of every event of that type. */
function hear(bus: PostgresEventBus, type: string) {
  const numbers: unknown[] = [];
  const stop = bus.subscribe(type, ({ payload }) => numbers.push(payload.n));
  return { numbers, stop, count: (count: number) => until(() => numbers.length >= count) };
}

function waits(warned: { mock: { calls: unknown[][] } }): unknown[] {
  return warned.mock.calls.filter(([message]) => String(message).startsWith('Events wait'));
}

/** Waits for something that other processes bring about; the test's own timeout is the bound. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A TCP proxy before the database, so that one client can lose it. */
async function openProxy(url: string) {
  const target = new URL(url);
  const sockets = new Set<net.Socket>();
  let closed = false;
  let refusals = 0;
  const server = net.createServer((socket) => {
    if (closed) {
      refusals++;
      socket.destroy();
      return;
    }
    const upstream = net.connect(Number(target.port), target.hostname);
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => sockets.delete(end));
    }
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.host = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  return {
    url: through.href,
    refused: () => refusals,
    close: () => {
      closed = true;
      for (const socket of sockets) socket.destroy();
    },
    open: () => (closed = false),
    end: () => server.close(),
  };
}
