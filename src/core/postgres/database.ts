import { inRootContext } from '../timing/root-context.js';
import { untraced } from '../timing/untraced.js';
import { boundedQuery } from './bounded-query.js';
import { type PoolHandle, type PostgresOptions, resolvePostgres } from './postgres-options.js';
import { asPortError } from './refusal.js';
import { prepareSchema } from './schema.js';

/** The text of a statement for a schema. */
export type Statement = (schema: string) => string;

/** The package's schema in the Postgres of the options, and the connections to it. */
export class Database {
  readonly schema: string;
  private readonly resolved: ReturnType<typeof resolvePostgres>;
  private handle?: PoolHandle;

  /**
   * @param own.timeout milliseconds without an answer after which the database counts as unreachable
   * @param own.keep whether idle connections stay open
   * @throws PostgresOptionsError
   */
  constructor(
    options: PostgresOptions,
    private readonly own: { readonly timeout: number; readonly keep: boolean },
  ) {
    this.resolved = resolvePostgres(options);
    this.schema = this.resolved.schema;
  }

  /** How the log names it. */
  get description(): string {
    return `PostgreSQL, schema "${this.schema}"`;
  }

  /** Number of connections that may be opened before they are needed. */
  get mayOpen(): number {
    return this.handle?.mayOpen ?? 0;
  }

  /** Connects, and installs, upgrades or checks the schema. */
  async open(): Promise<void> {
    const handle = this.resolved.connect(this.own.keep);
    try {
      await untraced(() => prepareSchema(handle.pool, this.schema, this.resolved.manageSchema));
    } catch (error) {
      await handle.release();
      throw error;
    }
    this.handle = handle;
  }

  /**
   * Sends a statement, in the root async context, as it belongs to no request, and without spans.
   * @throws StoreRefusedError when PostgreSQL refuses the statement; any other error means that it cannot be reached
   */
  async query<Row extends object>(statement: Statement, values: unknown[]): Promise<Row[]> {
    const { handle } = this;
    if (!handle) throw new Error('the connection to PostgreSQL is closed');
    try {
      return await inRootContext(() =>
        untraced(() => boundedQuery<Row>(handle.pool, statement(this.schema), values, this.own.timeout)),
      );
    } catch (error) {
      throw asPortError(error);
    }
  }

  /** May be called repeatedly, also without `open`. */
  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.release();
  }
}
