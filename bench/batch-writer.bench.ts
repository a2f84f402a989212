import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { connect, dataSourceOptions } from '../dist/modules/schema/data-source.js';
import { BatchWriter } from '../dist/modules/database/batch-writer.js';
import { ownPool } from '../dist/modules/database/own-pool.js';
import { PostgresTableSink, type TableColumn } from '../dist/modules/database/postgres-table.sink.js';
import { atLeast, type Bench, type BenchResult } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { inTurn, ratio } from './harness/rounds.js';

const ROWS = 100_000;
const BATCH = 5_000;

interface Result {
  id: string;
  check: string;
  at: Date;
  ok: boolean;
  milliseconds: number;
  message: string | null;
}

const COLUMNS: readonly TableColumn<Result>[] = [
  { name: 'id', type: 'text', value: ({ id }) => id },
  { name: 'check_id', type: 'text', value: ({ check }) => check },
  { name: 'at', type: 'timestamptz', value: ({ at }) => at },
  { name: 'ok', type: 'boolean', value: ({ ok }) => ok },
  { name: 'milliseconds', type: 'float8', value: ({ milliseconds }) => milliseconds },
  { name: 'message', type: 'text', value: ({ message }) => message },
];
const NAMES = COLUMNS.map(({ name }) => name).join(', ');
const ARRAYS = COLUMNS.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');

/** The writer with rows of objects, beside the same statements with what they send made ready before. */
export const batchWriter: Bench = {
  name: 'batch-writer',
  summary: `${ROWS} rows through the batch writer, beside bare COPY and bare UNNEST of the same batches`,
  run: (say) => withPostgres((url) => measure(url, say)),
};

async function measure(url: string, say: (line: string) => void): Promise<BenchResult> {
  const rows = Array.from({ length: ROWS }, (_, index) => resultOf(index));
  const batches = Array.from({ length: ROWS / BATCH }, (_, index) =>
    rows.slice(index * BATCH, (index + 1) * BATCH),
  );
  const texts = batches.map((batch) => Buffer.from(batch.map(lineOf).join('')));
  const arrays = batches.map((batch) =>
    COLUMNS.map(({ value }) => batch.map((row) => (value(row) === null ? null : textOf(value(row))))),
  );
  const dataSource = await connect(dataSourceOptions({ url, poolSize: 1 }));
  const client = new pg.Client(url);
  await client.connect();
  const query = (sql: string): Promise<unknown> => client.query(sql);
  try {
    await query(`CREATE TABLE results (
      id text COLLATE "C" PRIMARY KEY, check_id text COLLATE "C" NOT NULL, at timestamptz NOT NULL,
      ok boolean NOT NULL, milliseconds float8 NOT NULL, message text)`);
    await query('CREATE INDEX ON results (check_id, at)');

    const bareCopy = async (): Promise<void> => {
      for (const text of texts) {
        const stream = client.query(copyFrom(`COPY results (${NAMES}) FROM STDIN`));
        stream.end(text);
        await finished(stream);
      }
    };
    const bareUnnest = async (): Promise<void> => {
      for (const values of arrays)
        await client.query(`INSERT INTO results (${NAMES}) SELECT * FROM unnest(${ARRAYS})`, values);
    };
    const byWriter = async (method: 'copy' | 'unnest'): Promise<void> => {
      const sink = new PostgresTableSink<Result>(ownPool(dataSource, 2), {
        table: 'results', columns: COLUMNS, method, onConflict: 'DO NOTHING',
      }); // prettier-ignore
      const writer = new BatchWriter<Result>(sink, { what: 'results', batchSize: BATCH, writesAtOnce: 2 });
      writer.addAll(rows);
      await writer.flush();
      const { written } = await writer.close();
      if (written !== ROWS) throw new Error(`${written} of ${ROWS} rows were written`);
    };
    const perSecond = (work: () => Promise<void>) => async (): Promise<number> => {
      await query('TRUNCATE results');
      const started = performance.now();
      await work();
      const rate = ROWS / ((performance.now() - started) / 1_000);
      const { rows: counted } = await client.query('SELECT count(*)::int AS count FROM results');
      if (counted[0].count !== ROWS) throw new Error(`${counted[0].count} of ${ROWS} rows are in the table`);
      return rate;
    };

    const rates = await inTurn(
      { count: 7, warmUp: 2 },
      {
        bareCopy: perSecond(bareCopy),
        writerCopy: perSecond(() => byWriter('copy')),
        bareUnnest: perSecond(bareUnnest),
        writerUnnest: perSecond(() => byWriter('unnest')),
      },
      say,
    );
    return {
      ratios: {
        'writer by COPY / bare COPY': atLeast(0.8, ratio(rates.writerCopy, rates.bareCopy)),
        'writer by UNNEST / bare UNNEST': atLeast(0.8, ratio(rates.writerUnnest, rates.bareUnnest)),
      },
      measured: {
        'bare COPY': { unit: '/s', samples: rates.bareCopy },
        'writer by COPY': { unit: '/s', samples: rates.writerCopy },
        'bare UNNEST': { unit: '/s', samples: rates.bareUnnest },
        'writer by UNNEST': { unit: '/s', samples: rates.writerUnnest },
      },
      notes: [
        `A table with a primary key and an index; batches of ${BATCH}, each a transaction; two writes at a time by the writer, one at a time bare.`,
        'What the bare statements send was encoded before; the writer encodes its rows in the time measured, connects and closes.',
        'Every round ends with a count of the rows in the table.',
      ],
    };
  } finally {
    await client.end();
    await dataSource.destroy();
  }
}

function resultOf(index: number): Result {
  return {
    id: `hres_${index.toString(32).padStart(26, '0')}`,
    check: `chk_${((index * 7_919) % 10_000).toString(32).padStart(26, '0')}`,
    at: new Date(Date.UTC(2026, 0, 1) + index * 10),
    ok: index % 10 !== 0,
    milliseconds: (index % 1_000) / 7,
    message: index % 10 === 0 ? 'connection refused' : null,
  };
}

function lineOf(row: Result): string {
  return `${COLUMNS.map(({ value }) => (value(row) === null ? '\\N' : textOf(value(row)))).join('\t')}\n`;
}

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
