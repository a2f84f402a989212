import { type Replica } from '../history/replica.js';
import { type Run, type RunOutcome } from '../history/run.js';
import { type PruneQuery, type RunQuery, RunStore } from '../history/run.store.js';
import { type RunError } from '../text/describe-error.js';
import { type RunProgress, type RunTrigger } from '../worker/run-context.js';
import { boundedQuery } from './bounded-query.js';
import { type PoolHandle, type PostgresOptions, resolvePostgres } from './postgres-options.js';
import { prepareSchema } from './schema.js';
import { findRuns } from './sql/find-runs.js';
import { forgetReplica } from './sql/forget-replica.js';
import { heartbeat } from './sql/heartbeat.js';
import { lastSlots } from './sql/last-slots.js';
import { noteSlots } from './sql/note-slots.js';
import { pruneRuns } from './sql/prune-runs.js';
import { saveRuns } from './sql/save-runs.js';
import { workersWithRuns } from './sql/workers-with-runs.js';

/** After so many milliseconds a database that says nothing counts as away. */
const QUERY_TIMEOUT = 5_000;
/** Runs that one statement deletes: some milliseconds, in which it holds no lock that anybody waits for. */
const PRUNE_BATCH = 1_000;

/**
 * Run history on Postgres, for `WorkerModule.forRoot({ history: postgresHistory({ … }) })`.
 * @throws PostgresOptionsError
 */
export function postgresHistory(options: PostgresOptions): RunStore {
  return new PostgresRunStore(options);
}

/** Runs in the tables `runs` and `replicas` of a schema of their own. */
export class PostgresRunStore extends RunStore {
  private readonly resolved: ReturnType<typeof resolvePostgres>;
  private handle?: PoolHandle;

  constructor(options: PostgresOptions) {
    super();
    this.resolved = resolvePostgres(options);
  }

  async open(): Promise<void> {
    this.handle = this.resolved.connect();
    const { schema, manageSchema } = this.resolved;
    try {
      await prepareSchema(this.handle.pool, schema, manageSchema);
    } catch (error) {
      await this.handle.release();
      throw error;
    }
  }

  async save(runs: readonly Run[]): Promise<void> {
    if (runs.length > 0) await this.query(saveRuns, [JSON.stringify(runs.map(toRow))]);
  }

  async find({
    worker = null,
    limit,
    before,
  }: Omit<RunQuery, 'worker'> & { worker?: string | null }): Promise<Run[]> {
    const rows = await this.query(findRuns, [worker, before?.startedAt ?? null, before?.id ?? null, limit]);
    return rows.map(fromRow);
  }

  override async heartbeat({ id, host, pid, startedAt }: Replica, lostAfter: number): Promise<Run[]> {
    return (await this.query(heartbeat, [id, host, pid, startedAt, lostAfter])).map(fromRow);
  }

  override async lastSlots(workers: readonly string[], now: Date): Promise<Map<string, Date>> {
    const rows = await this.query<{ worker: string; slot: Date }>(lastSlots, [workers, now]);
    return new Map(rows.map(({ worker, slot }) => [worker, slot]));
  }

  override async noteSlots(slots: ReadonlyMap<string, Date>): Promise<void> {
    await this.query(noteSlots, [[...slots.keys()], [...slots.values()]]);
  }

  override async *prune({ endedBefore, maxRuns }: PruneQuery): AsyncGenerator<number, void, undefined> {
    const most = maxRuns === Infinity ? null : maxRuns;
    for (const { worker } of await this.query<{ worker: string }>(workersWithRuns, [])) {
      for (let deleted = PRUNE_BATCH; deleted === PRUNE_BATCH;) {
        ({ length: deleted } = await this.query(pruneRuns, [worker, endedBefore, most, PRUNE_BATCH]));
        if (deleted > 0) yield deleted;
      }
    }
  }

  async close({ id }: Replica): Promise<void> {
    try {
      await this.query(forgetReplica, [id]);
    } finally {
      await this.handle?.release();
    }
  }

  private query<Row extends object = RunRow>(
    statement: (schema: string) => string,
    values: unknown[],
  ): Promise<Row[]> {
    return boundedQuery<Row>(this.handle!.pool, statement(this.resolved.schema), values, QUERY_TIMEOUT);
  }
}

interface RunRow {
  id: string;
  worker: string;
  replica: string;
  trigger: RunTrigger;
  slot: Date | null;
  attempt: number;
  scheduled_at: Date;
  started_at: Date;
  ended_at: Date | null;
  outcome: RunOutcome;
  error: RunError | null;
  progress: RunProgress | null;
  blocked_ms: number | null;
}

function toRow(run: Run): Record<keyof RunRow, unknown> {
  const { scheduledAt, startedAt, endedAt, blockedMs, slot, error, progress, ...rest } = run;
  return {
    ...rest,
    slot,
    scheduled_at: scheduledAt,
    started_at: startedAt,
    ended_at: endedAt,
    error,
    progress,
    blocked_ms: blockedMs,
  };
}

function fromRow(row: RunRow): Run {
  const { slot, scheduled_at, started_at, ended_at, error, progress, blocked_ms, ...rest } = row;
  return {
    ...rest,
    scheduledAt: scheduled_at,
    startedAt: started_at,
    ...(slot && { slot }),
    ...(ended_at && { endedAt: ended_at }),
    ...(error && { error }),
    ...(progress && { progress }),
    ...(blocked_ms !== null && { blockedMs: blocked_ms }),
  };
}
