import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { finished } from 'node:stream/promises';
import { DatabaseSilentError } from '../../core/postgres/bounded-query.js';
import { type BatchSink } from './batch-sink.js';
import { BinaryCopy } from './copy-binary.js';
import { copyText } from './copy-text.js';
import { type OwnPool } from './own-pool.js';
import { writeFailure } from './write-failure.js';
import { startTimer } from '../../core/timing/timer.js';

/** A column, and where its value comes from. Arrays cannot be written; JSON is given as its text. */
export interface TableColumn<Row> {
  readonly name: string;
  /** Its type in SQL, such as `timestamptz`. */
  readonly type: string;
  readonly value: (row: Row) => unknown;
}

export interface TableSinkOptions<Row> {
  /** Name of the table, as SQL has it. */
  table: string;
  columns: readonly TableColumn<Row>[];
  /**
   * What stands after `ON CONFLICT`, such as `DO NOTHING`. A table that rows may be written to twice, after an answer
   * that was lost, needs it.
   */
  onConflict?: string | undefined;
  /**
   * `copy`, the default, is faster by half; `unnest` is one INSERT, with the triggers and rules of one. `binary copy` is the
   * fastest for numbers: the types must be those of the columns exactly, of those that `BinaryCopy` knows.
   */
  method?: 'copy' | 'binary copy' | 'unnest' | undefined;
  /** Milliseconds after which PostgreSQL gives a write up. Default 10,000. */
  statementTimeout?: number | undefined;
}

type Beside = (client: pg.ClientBase) => Promise<void>;

/** How much later than PostgreSQL itself a write is given up here: only when it says nothing any more. */
const GRACE_MS = 5_000;

/**
 * Writes rows to a table, by COPY or by an INSERT of arrays, in a transaction with a timeout of its own. COPY knows no
 * ON CONFLICT: rows that it refuses are written again by INSERT, which does, so that a row that is there already costs
 * nothing but time.
 */
export class PostgresTableSink<Row> implements BatchSink<Row> {
  private readonly copy: string;
  private readonly binary?: BinaryCopy<Row>;
  private readonly insert: string;
  private readonly statementTimeout: number;

  /** @param connections its own; `close` ends them */
  constructor(
    private readonly connections: OwnPool,
    private readonly options: TableSinkOptions<Row>,
  ) {
    const { table, columns, onConflict } = options;
    const names = columns.map(({ name }) => pg.escapeIdentifier(name)).join(', ');
    const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
    this.copy = `COPY ${table} (${names}) FROM STDIN`;
    if (options.method === 'binary copy') this.binary = new BinaryCopy(columns);
    this.insert =
      `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${arrays})` +
      (onConflict === undefined ? '' : ` ON CONFLICT ${onConflict}`);
    this.statementTimeout = options.statementTimeout ?? 10_000;
  }

  /** @param beside called after the rows, in their transaction: what fails here fails the write */
  async write(rows: readonly Row[], signal: AbortSignal, beside?: Beside): Promise<void> {
    if (this.options.method === 'unnest') return this.insertRows(rows, signal, beside);
    const binary = this.binary?.encode(rows);
    const [statement, bytes] = binary
      ? [`${this.copy} (FORMAT binary)`, binary]
      : [this.copy, this.copyTextOf(rows)];
    try {
      await this.inTransaction((client) => copyInto(client, statement, bytes), signal, beside);
    } catch (error) {
      if (this.options.onConflict === undefined || writeFailure(error) !== 'refused') throw error;
      await this.insertRows(rows, signal, beside);
    }
  }

  async close(): Promise<void> {
    await this.connections.end();
  }

  private insertRows(rows: readonly Row[], signal: AbortSignal, beside?: Beside): Promise<void> {
    const arrays = this.options.columns.map(({ value }) => rows.map((row) => arrayItem(value(row))));
    return this.inTransaction(
      async (client) => void (await client.query(this.insert, arrays)),
      signal,
      beside,
    );
  }

  private copyTextOf(rows: readonly Row[]): Buffer {
    const values = this.options.columns.map(({ value }) => value);
    let text = '';
    for (const row of rows) {
      text += copyText(values[0]!(row));
      for (let i = 1; i < values.length; i++) text += `\t${copyText(values[i]!(row))}`;
      text += '\n';
    }
    return Buffer.from(text);
  }

  private async inTransaction(
    work: (client: pg.PoolClient) => Promise<void>,
    signal: AbortSignal,
    beside?: Beside,
  ): Promise<void> {
    signal.throwIfAborted();
    const client = await this.connections.pool.connect();
    let broken = true;
    try {
      // `SET LOCAL`, as behind PgBouncer a setting of the connection would apply to the next client.
      const write = async (): Promise<void> => {
        await client.query(`BEGIN; SET LOCAL statement_timeout = ${this.statementTimeout}`);
        try {
          await work(client);
          await beside?.(client);
          await client.query('COMMIT');
        } catch (error) {
          if ((error as { severity?: string }).severity !== undefined) await client.query('ROLLBACK');
          throw error;
        }
      };
      await unlessSilent(write(), this.statementTimeout + GRACE_MS, signal);
      broken = false;
    } catch (error) {
      broken = !isRefusal(error);
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

async function copyInto(client: pg.ClientBase, statement: string, bytes: Buffer): Promise<void> {
  const stream = client.query(copyFrom(statement));
  stream.end(bytes);
  await finished(stream);
}

/** `pg` writes a date of an array in the time zone of the process, and an object as JSON; neither is meant here. */
function arrayItem(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  return copyText(value);
}

/** PostgreSQL has refused the statement, and the connection is as good as before, unless it says that it ends (57P). */
function isRefusal(error: unknown): boolean {
  const { severity, code } = error as { severity?: string; code?: string };
  return severity !== undefined && !code?.startsWith('57P');
}

function unlessSilent<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(() => reject(new DatabaseSilentError(ms)), ms);
    const aborted = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', aborted);
    work.then(resolve, reject).finally(() => {
      timer.cancel();
      signal.removeEventListener('abort', aborted);
    });
  });
}
