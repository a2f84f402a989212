import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DataSource } from 'typeorm';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { InvalidInputError } from '../input/input.errors.js';
import { connect, dataSourceOptions } from '../schema/data-source.js';
import { TimePartitions, type TimePartitionsOptions } from './time-partitions.js';

const HOUR = 3_600_000;

describe('TimePartitions', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connect(dataSourceOptions({ url: database.url }));
  });
  beforeEach(async () => {
    await dataSource.query('DROP TABLE IF EXISTS readings');
    await dataSource.query(`
      CREATE TABLE readings (
        at timestamptz NOT NULL, source text NOT NULL DEFAULT 'x' CHECK (source <> ''), value float8,
        PRIMARY KEY (source, at)
      ) PARTITION BY RANGE (at)`);
    await dataSource.query('CREATE INDEX readings_at_idx ON readings (at)');
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  const partitions = (given: Partial<TimePartitionsOptions> = {}): TimePartitions =>
    new TimePartitions(dataSource, { table: 'readings', width: '1h', keep: '24h', ...given });

  const insert = (hoursAgo: number, source = 'x', rows = 1): Promise<unknown> =>
    dataSource.query(
      `INSERT INTO readings (at, source, value)
       SELECT clock_timestamp() - make_interval(secs => $1), $2 || n, n FROM generate_series(1, $3::int) AS n`,
      [hoursAgo * 3_600, source, rows],
    );

  it('makes the partitions of now and two widths ahead, and none that is there', async () => {
    expect(await partitions().makeAhead()).toHaveLength(3);
    expect(await partitions().makeAhead()).toEqual([]);
    const all = await partitions().list();
    const thisHour = Math.floor(Date.now() / HOUR) * HOUR;
    expect(all.map(({ from, to }) => [+from, +to])).toEqual(
      [0, 1, 2].map((ahead) => [thisHour + ahead * HOUR, thisHour + (ahead + 1) * HOUR]),
    );
    expect(all[0]!.name).toMatch(/^readings_\d{8}t\d{4}$/);
    await insert(0);
    await insert(-2);
    await expect(insert(2)).rejects.toMatchObject({ code: '23514' });
    await expect(insert(-4)).rejects.toMatchObject({ code: '23514' });
  });

  it('gives them the columns, defaults, constraints and indexes of the table', async () => {
    await partitions().makeAhead();
    const [first] = await partitions().list();
    const indexes = await dataSource.query<{ parent: string }[]>(
      `SELECT parent.relname AS parent FROM pg_index i
         JOIN pg_inherits h ON h.inhrelid = i.indexrelid JOIN pg_class parent ON parent.oid = h.inhparent
        WHERE i.indrelid = $1::regclass ORDER BY 1`,
      [first!.name],
    );
    expect(indexes.map(({ parent }) => parent)).toEqual(['readings_at_idx', 'readings_pkey']);
    await expect(insert(0, '', 0)).resolves.toBeDefined();
    await expect(
      dataSource.query(`INSERT INTO readings (at, source) VALUES (clock_timestamp(), '')`),
    ).rejects.toMatchObject({ code: '23514' });
  });

  it('makes those of the past as far as they are kept', async () => {
    const made = await partitions({ keep: '3h' }).makeFor(new Date(Date.now() - 30 * HOUR), new Date());
    expect(made).toHaveLength(4);
    await insert(2.9);
  });

  it('drops what is older than it is kept, and nothing else', async () => {
    await partitions().makeFor(new Date(Date.now() - 6 * HOUR), new Date());
    await insert(5);
    await insert(1);
    const { dropped, made, inUse } = await partitions({ keep: '3h' }).maintain();
    expect(dropped.map(({ reason }) => reason)).toEqual(['age', 'age', 'age']);
    expect(dropped.every(({ to }) => +to <= Date.now() - 3 * HOUR)).toBe(true);
    expect(made).toHaveLength(2);
    expect(inUse).toEqual([]);
    expect(await dataSource.query('SELECT count(*)::int AS count FROM readings')).toEqual([{ count: 1 }]);
  });

  it('drops the oldest while all of them are larger than they may be, but not the one for now', async () => {
    await partitions().makeFor(new Date(Date.now() - 5 * HOUR), new Date());
    for (const hoursAgo of [5, 4, 3, 2, 1, 0]) await insert(hoursAgo, 'row', 2_000);
    const sizes = (await partitions().list()).map(({ bytes }) => bytes);
    const newestTwo = sizes.slice(-2).reduce((sum, bytes) => sum + bytes);
    const { dropped } = await partitions({ maxBytes: newestTwo + 100_000 }).maintain();
    expect(dropped.map(({ reason }) => reason)).toEqual(['size', 'size', 'size', 'size']);
    await partitions({ maxBytes: 1 }).maintain();
    const [current] = await partitions().list();
    expect(+current!.to).toBeGreaterThan(Date.now());
    expect(await dataSource.query('SELECT count(*)::int AS count FROM readings')).toEqual([{ count: 2_000 }]);
  });

  it('is the same whatever the time zone and date style of the connection', async () => {
    const odd = await connect({
      ...dataSourceOptions({ url: database.url, poolSize: 1 }),
      extra: { options: '-c TimeZone=Asia/Kathmandu -c DateStyle=SQL,DMY' },
    } as ReturnType<typeof dataSourceOptions>);
    const expected = await partitions().makeAhead();
    const there = new TimePartitions(odd, { table: 'readings', width: '1h', keep: '24h' });
    expect((await there.list()).map(({ name }) => name)).toEqual(expected);
    expect(await there.makeAhead()).toEqual([]);
    await odd.destroy();
  });

  it('several replicas make and drop them at the same time', async () => {
    await Promise.all(
      [1, 2, 3, 4].map(() => partitions().makeFor(new Date(Date.now() - 5 * HOUR), new Date())),
    );
    expect(await partitions().list()).toHaveLength(6);
    await Promise.all([1, 2, 3, 4].map(() => partitions({ keep: '2h' }).maintain()));
    expect((await partitions().list()).length).toBe(5);
  });

  it('drops a partition behind a reader as soon as it has ended, and stalls no insert meanwhile', async () => {
    await partitions().makeFor(new Date(Date.now() - 5 * HOUR), new Date());
    await insert(5);
    const reader = dataSource.createQueryRunner();
    await reader.startTransaction();
    await reader.query('SELECT count(*) FROM readings');
    const pass = partitions({ keep: '3h' }).maintain();
    let longest = 0;
    const until = performance.now() + 3_000;
    for (let n = 0; performance.now() < until; n++) {
      const started = performance.now();
      await insert(0, `at ${n} `);
      longest = Math.max(longest, performance.now() - started);
      await wait(5);
    }
    await reader.commitTransaction();
    await reader.release();
    expect((await pass).dropped).toHaveLength(2);
    // A plain DROP would have kept the first insert waiting for all of the second.
    expect(longest).toBeLessThan(2_000);
  });

  it('gives up when it is told to, and the next pass drops what was in use', async () => {
    await partitions().makeFor(new Date(Date.now() - 5 * HOUR), new Date());
    const reader = dataSource.createQueryRunner();
    await reader.startTransaction();
    await reader.query('SELECT count(*) FROM readings');
    await expect(partitions({ keep: '3h' }).maintain(AbortSignal.timeout(500))).rejects.toThrow(/abort/);
    await reader.commitTransaction();
    await reader.release();
    expect((await partitions({ keep: '3h' }).maintain()).dropped).toHaveLength(2);
  });

  it('leaves alone what somebody made by hand', async () => {
    await dataSource.query(
      `CREATE TABLE readings_of_old PARTITION OF readings FOR VALUES FROM (MINVALUE) TO ('2020-01-01Z')`,
    );
    await partitions().maintain();
    expect((await partitions().list()).map(({ name }) => name)).not.toContain('readings_of_old');
    expect(await dataSource.query(`SELECT to_regclass('readings_of_old') IS NOT NULL AS there`)).toEqual([
      { there: true },
    ]);
  });

  it.each([
    [{ table: 'readings; DROP TABLE x' }, 'table'],
    [{ width: '90s' as const }, 'width'],
    [{ ahead: '300d' as const }, 'ahead'],
  ])('refuses %j', (options, names) => {
    expect(() => partitions(options)).toThrow(InvalidInputError);
    expect(() => partitions(options)).toThrow(names);
  });
});
