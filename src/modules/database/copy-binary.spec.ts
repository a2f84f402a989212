import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { connect, dataSourceOptions } from '../schema/data-source.js';
import { BatchWriter } from './batch-writer.js';
import { BinaryCopy } from './copy-binary.js';
import { copyText } from './copy-text.js';
import { ownPool } from './own-pool.js';
import { PostgresTableSink } from './postgres-table.sink.js';

const TYPES = [
  'text',
  'integer',
  'bigint',
  'real',
  'double precision',
  'timestamptz',
  'boolean',
  'text',
  'smallint',
];

type Row = unknown[];

const columnsOf = (types: readonly string[]) =>
  types.map((type, index) => ({ type, value: (row: Row) => row[index] }));

describe('BinaryCopy', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    database = await createTestDatabase();
    client = new pg.Client(database.url);
    await client.connect();
    for (const table of ['by_text', 'by_binary'])
      await client.query(
        `CREATE TABLE ${table} (place serial, ${TYPES.map((type, index) => `c${index} ${type}`).join(', ')})`,
      );
  });
  afterAll(async () => {
    Logger.overrideLogger(['error', 'warn', 'log']);
    await client.end();
    await database.drop();
  });

  const names = TYPES.map((_, index) => `c${index}`).join(', ');
  const copy = async (statement: string, bytes: Buffer | string): Promise<void> => {
    const stream = client.query(copyFrom(statement));
    stream.end(bytes);
    await finished(stream);
  };
  const stored = async (table: string): Promise<unknown[]> =>
    (await client.query(`SELECT ${names.replaceAll(/c\d/g, '$&::text')} FROM ${table} ORDER BY place`)).rows;

  it('stores what the text of the same values stores', async () => {
    const text = fc.string({ unit: 'grapheme' }).filter((given) => !given.includes('\u0000'));
    // Its text is 0.
    const unsigned = (zero: number): number => zero + 0;
    const row = fc.tuple(
      fc.option(text),
      fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      fc.option(fc.maxSafeInteger()),
      fc.option(fc.float().map(unsigned)),
      fc.option(fc.double().map(unsigned)),
      fc.option(fc.date({ min: new Date('1720-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })),
      fc.option(fc.boolean()),
      fc.option(fc.oneof(text, fc.string({ minLength: 500, maxLength: 5_000 }))),
      fc.option(fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row.filter((given) => !String(given[7]).includes('\u0000')), { maxLength: 50 }), async (rows: Row[]) => {
        await client.query('TRUNCATE by_text, by_binary');
        const binary = new BinaryCopy(columnsOf(TYPES)).encode(rows);
        await copy(`COPY by_binary (${names}) FROM STDIN (FORMAT binary)`, binary!);
        await copy(`COPY by_text (${names}) FROM STDIN`, rows.map((given) => `${given.map(copyText).join('\t')}\n`).join(''));
        expect(await stored('by_binary')).toEqual(await stored('by_text'));
      }),
      { numRuns: 30 },
    ); // prettier-ignore
  });

  it.each<[string, unknown]>([
    ['smallint', 2 ** 15],
    ['smallint', -(2 ** 15) - 1],
    ['smallint', 0.5],
    ['integer', 2 ** 31],
    ['integer', 0.5],
    ['integer', '1'],
    ['bigint', 2 ** 53],
    ['bigint', 1n],
    ['real', 1e39],
    ['real', 1e-300],
    ['double precision', '1'],
    ['timestamptz', new Date(NaN)],
    ['timestamptz', '2026-01-01'],
    ['timestamptz', new Date(8.64e15)],
    ['timestamptz', new Date('1700-01-01')],
    ['boolean', 1],
    ['text', 1],
    ['text', {}],
  ])('leaves it to the text that %s cannot hold %p', (type, value) => {
    expect(new BinaryCopy(columnsOf([type])).encode([[null], [value]])).toBeUndefined();
  });

  it('loses a row that PostgreSQL refuses, and no other, and writes a row once that comes twice', async () => {
    await client.query('CREATE TABLE readings (id integer PRIMARY KEY CHECK (id <> 13), value real)');
    const dataSource = await connect(dataSourceOptions({ url: database.url, poolSize: 1 }));
    const sink = new PostgresTableSink<{ id: number; value: number }>(ownPool(dataSource, 1), {
      table: 'readings',
      columns: [
        { name: 'id', type: 'integer', value: ({ id }) => id },
        { name: 'value', type: 'real', value: ({ value }) => value },
      ],
      method: 'binary copy',
      onConflict: 'DO NOTHING',
    });
    const writer = new BatchWriter(sink, { what: 'readings', flushAfter: 10 });
    try {
      writer.addAll([1, 2, 13, 3, 2 ** 40, 4].map((id) => ({ id, value: 1 })));
      writer.addAll([{ id: 5, value: 1e300 }]);
      await writer.flush();
      writer.addAll([3, 4, 6].map((id) => ({ id, value: 2 })));
      await writer.flush();
      expect(writer.counts()).toMatchObject({ written: 7, dropped: { refused: 3 } });
      const { rows } = await client.query('SELECT * FROM readings ORDER BY id');
      expect(rows).toEqual([1, 2, 3, 4, 6].map((id) => ({ id, value: id === 6 ? 2 : 1 })));
    } finally {
      await writer.close(0);
      await dataSource.destroy();
    }
  });

  it('refuses a type of which it knows no format', () => {
    expect(() => new BinaryCopy(columnsOf(['jsonb']))).toThrow('type jsonb');
  });
});
