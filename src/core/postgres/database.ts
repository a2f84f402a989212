import { inRootContext } from '../timing/root-context.js';
import { untraced } from '../timing/untraced.js';
import { boundedQuery } from './bounded-query.js';
import { type PoolHandle, type PostgresOptions, resolvePostgres } from './postgres-options.js';
import { asPortError } from './refusal.js';
import { prepareSchema } from './schema.js';

/** A statement of ours, for the schema that it is sent to. */
export type Statement = (schema: string) => string;

/** A schema of ours in the Postgres that the options name, and the connections to it. */
export class Database {
  readonly schema: string;
  private readonly resolved: ReturnType<typeof resolvePostgres>;
  private handle?: PoolHandle;

  /**
   * @param own.timeout after this many milliseconds a database that says nothing counts as away
   * @param own.keep whether connections stay open when they are idle
   * @throws PostgresOptionsError
   */
  constructor(
    options: PostgresOptions,
    private readonly own: { readonly timeout: number; readonly keep: boolean },
  ) {
    this.resolved = resolvePostgres(options);
    this.schema = this.resolved.schema;
  }

  /** For the log. */
  get description(): string {
    return `PostgreSQL, schema "${this.schema}"`;
  }

  /** How many connections to open before they are needed. */
  get mayOpen(): number {
    return this.handle?.mayOpen ?? 0;
  }

  /** Connects, and sees to it that the schema is the one that this code needs. */
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
   * In the root async context, as it belongs to no request, and without spans.
   * @throws StoreRefusedError when PostgreSQL answers and will not; what it throws else means that it cannot be reached
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

  /** May be called again, and when it was never opened. */
  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.release();
  }
}
