import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { eventually } from '../../../test/support/eventually.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { connect, dataSourceOptions } from '../schema/data-source.js';
import { BatchWriter, type BatchWriterOptions, type DroppedRows } from './batch-writer.js';
import { ownPool } from './own-pool.js';
import { PostgresTableSink, type TableSinkOptions } from './postgres-table.sink.js';

interface Reading {
  id: number;
  text: string | null;
  value: number | null;
  at: Date;
}

const AT = new Date('2026-11-25T12:00:00.123Z');

const COLUMNS: TableSinkOptions<Reading>['columns'] = [
  { name: 'id', type: 'integer', value: ({ id }) => id },
  { name: 'text', type: 'text', value: ({ text }) => text },
  { name: 'value', type: 'float8', value: ({ value }) => value },
  { name: 'at', type: 'timestamptz', value: ({ at }) => at },
];

describe.each(['copy', 'unnest'] as const)('BatchWriter into a table by %s', (method) => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let through: string;
  let direct: pg.Pool;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    database = await createTestDatabase();
    ({ proxy, url: through } = await TcpProxy.before(database.url));
    direct = new pg.Pool({ connectionString: database.url, max: 2 });
    direct.on('error', () => {});
    await direct.query(`CREATE TABLE readings (
      id integer PRIMARY KEY CHECK (id <> 13), text text, value float8, at timestamptz NOT NULL)`);
    // A COMMIT that a test can hold up.
    await direct.query(`
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock(777); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON readings DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.id = 777) EXECUTE FUNCTION wait()`);
  });
  beforeEach(async () => {
    await direct.query('TRUNCATE readings');
    proxy.restore();
  });
  afterAll(async () => {
    Logger.overrideLogger(['error', 'warn', 'log']);
    await proxy.close();
    await direct.end();
    await database.drop();
  });

  /** Calls `work` with a writer to the table, through the proxy, that is closed afterwards. */
  async function withWriter(
    work: (writer: BatchWriter<Reading>, lost: DroppedRows<Reading>[]) => Promise<void>,
    options: Partial<BatchWriterOptions<Reading>> = {},
    table: Partial<TableSinkOptions<Reading>> = {},
  ): Promise<void> {
    const dataSource = await connect(dataSourceOptions({ url: through, poolSize: 1 }));
    const sink = new PostgresTableSink<Reading>(ownPool(dataSource, 2), {
      table: 'readings', columns: COLUMNS, method, onConflict: 'DO NOTHING', ...table,
    }); // prettier-ignore
    const lost: DroppedRows<Reading>[] = [];
    const writer = new BatchWriter<Reading>(sink, {
      what: 'readings', batchSize: 1_000, flushAfter: 10, onDropped: (loss) => lost.push(loss), ...options,
    }); // prettier-ignore
    try {
      await work(writer, lost);
    } finally {
      await writer.close(0);
      await dataSource.destroy();
    }
  }

  const reading = (id: number, given: Partial<Reading> = {}): Reading => ({
    id, text: 'x', value: id / 3, at: AT, ...given,
  }); // prettier-ignore

  const readings = (from: number, to: number): Reading[] =>
    Array.from({ length: to - from }, (_, index) => reading(from + index));

  const stored = async (): Promise<Reading[]> =>
    (await direct.query<Reading>('SELECT id, text, value, at FROM readings ORDER BY id')).rows;

  it('stores every value as it is', async () => {
    const rows = [
      reading(1, { text: 'tab\there, line\nthere\r, back\\slash \\N, "quote", {brace}, NULL' }),
      reading(2, { text: null, value: null }),
      reading(3, { text: '', value: 0.1 + 0.2 }),
      reading(4, { text: '\\N', value: 1e-300, at: new Date(0) }),
      reading(5, { text: '\\.', value: -0.5, at: new Date('0099-01-01T00:00:00Z') }),
      reading(6, { text: 'ünïcode 🙂', value: Infinity }),
      reading(7, { value: NaN }),
    ];
    await withWriter(async (writer) => {
      writer.addAll(rows);
      await writer.flush();
      expect(writer.counts()).toMatchObject({ written: rows.length });
    });
    expect(await stored()).toEqual(rows);
  });

  it.each([
    ['a constraint forbids', reading(13)],
    ['a type cannot hold', reading(2 ** 40)],
    ['PostgreSQL has no character for', reading(500, { text: 'a\u0000b' })],
    ['is no date', reading(500, { at: new Date(NaN) })],
    ['lacks what must be there', reading(500, { at: null as unknown as Date })],
    ['is an object', reading(500, { text: {} as string })],
  ])('loses the row that %s, and no other', async (_, poisoned) => {
    await withWriter(async (writer, lost) => {
      writer.addAll([...readings(1_000, 1_400), poisoned, ...readings(1_400, 1_800)]);
      await writer.flush();
      expect(writer.counts()).toMatchObject({ written: 800, dropped: { refused: 1 } });
      expect(lost.map(({ rows }) => rows)).toEqual([[poisoned]]);
    });
    expect(await stored()).toEqual(readings(1_000, 1_800));
  });

  it('writes a row once that comes twice', async () => {
    await withWriter(async (writer) => {
      writer.addAll(readings(100, 200));
      await writer.flush();
      writer.addAll([...readings(150, 250), ...readings(150, 250)]);
      await writer.flush();
      expect(writer.counts()).toMatchObject({ written: 300, dropped: { refused: 0 } });
    });
    expect(await stored()).toEqual(readings(100, 250));
  });

  it('loses nothing when connections are cut, and says that it was away', async () => {
    await withWriter(async (writer) => {
      writer.addAll(readings(100, 5_100));
      await eventually(() => proxy.connections > 1);
      proxy.blackHole();
      proxy.cut();
      await eventually(() => writer.counts().unreachable);
      writer.addAll(readings(5_100, 10_100));
      proxy.restore();
      proxy.cut();
      await writer.flush();
      expect(writer.counts()).toMatchObject({ written: 10_000, unreachable: false });
    });
    expect(await stored()).toEqual(readings(100, 10_100));
  });

  it('writes a batch once although the answer that it was committed is lost', async () => {
    const blocker = await direct.connect();
    await blocker.query('SELECT pg_advisory_lock(777)');
    try {
      await withWriter(async (writer) => {
        writer.addAll(readings(700, 800));
        await eventually(
          async () =>
            (
              await direct.query(
                `SELECT FROM pg_stat_activity
                  WHERE datname = current_database() AND query = 'COMMIT' AND wait_event_type = 'Lock'`,
              )
            ).rowCount,
        );
        proxy.loseNextAnswer();
        await blocker.query('SELECT pg_advisory_unlock(777)');
        await eventually(() => writer.counts().unreachable);
        await writer.flush();
        expect(writer.counts()).toMatchObject({ written: 100, dropped: { refused: 0 } });
      });
    } finally {
      blocker.release();
    }
    expect(await stored()).toEqual(readings(700, 800));
  });

  it('gives a write up after its timeout, and goes on with less at a time', async () => {
    const blocker = await direct.connect();
    await blocker.query('BEGIN');
    await blocker.query('LOCK TABLE readings IN EXCLUSIVE MODE');
    try {
      await withWriter(
        async (writer) => {
          writer.addAll(readings(100, 104));
          await eventually(() => writer.counts().unreachable);
          expect(writer.counts()).toMatchObject({ buffered: 4, written: 0 });
          await blocker.query('ROLLBACK');
          await writer.flush();
          expect(writer.counts()).toMatchObject({ written: 4 });
        },
        {},
        { statementTimeout: 100 },
      );
    } finally {
      blocker.release();
    }
    expect(await stored()).toEqual(readings(100, 104));
  });

  it('waits for a table that somebody has taken away', async () => {
    await direct.query('ALTER TABLE readings RENAME TO elsewhere');
    await withWriter(async (writer) => {
      writer.addAll(readings(100, 200));
      await eventually(() => writer.counts().unreachable);
      await direct.query('ALTER TABLE elsewhere RENAME TO readings');
      await writer.flush();
    });
    expect(await stored()).toEqual(readings(100, 200));
  });

  it('ends within its deadline when the server has gone without a word, and says how much is lost', async () => {
    await withWriter(async (writer) => {
      writer.addAll(readings(100, 200));
      await writer.flush();
      proxy.blackHole();
      writer.addAll(readings(200, 300));
      const started = performance.now();
      expect(await writer.close(100)).toMatchObject({ buffered: 0, written: 100, dropped: { closed: 100 } });
      expect(performance.now() - started).toBeLessThan(5_000);
      proxy.cut();
    });
  });
});
