import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { type Coordinator } from '../coordination/coordinator.js';
import { type Statement } from './database.js';
import { KnownRecords } from './known-records.js';
import { plainTypes } from './plain-types.js';
import { sumWorkers } from './sql/control.js';
import { postgres } from './postgres.coordinator.js';

const TIMING = '{"every":"1m","spacing":"slot"}';

let database: TestDatabase;
let pool: pg.Pool;
let coordinator: Coordinator;
let known: KnownRecords;
let asked: Statement[];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 4 });
  pool.on('error', () => {});
});
beforeEach(async () => {
  coordinator = postgres({ pool });
  await coordinator.open();
  asked = [];
  known = new KnownRecords(async <Row extends object>(statement: Statement, values: unknown[]) => {
    asked.push(statement);
    const { rows } = await pool.query<Row>({ text: statement('workers'), values, types: plainTypes });
    return rows;
  });
  await enroll('a', 'b', 'c "quoted" \\ {,}');
});
afterEach(async () => {
  await coordinator.close();
  await pool.query('TRUNCATE workers.workers');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const enroll = (...names: string[]) =>
  coordinator.enroll(names.map((name) => ({ name, timing: TIMING, slot: 0 })));
const listed = async () => (await known.read()).records;
const names = async () => (await listed()).map(({ name }) => name);

it('keeps the records that have not changed, and asks for none of them again', async () => {
  const before = await listed();
  expect(before.map(({ name }) => name)).toEqual(['a', 'b', 'c "quoted" \\ {,}']);
  asked = [];
  const after = await listed();
  expect(after.every((record, n) => record === before[n])).toBe(true);
  expect(asked).toEqual([sumWorkers]);

  await coordinator.control('b', { do: 'pause' });
  const [a, b, c] = await listed();
  expect([a === before[0], b === before[1], c === before[2]]).toEqual([true, false, true]);
  expect(b!.paused).toBe(true);
});

it('sees rows that were changed, deleted and made anew by hand', async () => {
  await listed();
  await pool.query(`UPDATE workers.workers SET paused = true`);
  expect((await listed()).map(({ paused }) => paused)).toEqual([true, true, true]);
  await pool.query(`DELETE FROM workers.workers WHERE name = 'a'`);
  expect(await names()).toEqual(['b', 'c "quoted" \\ {,}']);
  const client = await pool.connect();
  await client.query(`BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM workers.workers WHERE name = 'b';
    DELETE FROM workers.workers WHERE name = 'b'; UPDATE kept SET name = 'z', run_count = 7;
    INSERT INTO workers.workers SELECT * FROM kept; DROP TABLE kept; COMMIT`);
  client.release();
  expect((await listed()).map(({ name, status }) => [name, status.runCount])).toEqual([
    ['c "quoted" \\ {,}', 0],
    ['z', 7],
  ]);
  await pool.query('TRUNCATE workers.workers');
  expect(await names()).toEqual([]);
  await enroll('d');
  expect(await names()).toEqual(['d']);
});

it('answers all who ask at a time by few statements, and nobody with what was so before the question', async () => {
  await listed();
  asked = [];
  const answers = Array.from({ length: 50 }, () => known.read());
  const paused = coordinator.control('a', { do: 'pause' }).then(() => known.read());
  await Promise.all(answers);
  const { records } = await paused;
  expect(records[0]!.paused).toBe(true);
  expect(asked.length).toBeLessThan(10);
});

it('goes on when a read has failed', async () => {
  await listed();
  await pool.query('ALTER TABLE workers.workers RENAME TO hidden');
  const failed = await Promise.allSettled([known.read(), known.read()]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await pool.query('ALTER TABLE workers.hidden RENAME TO workers');
  expect(await names()).toHaveLength(3);
});
