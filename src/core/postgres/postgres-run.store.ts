import { type KnownReplica, type Replica } from '../history/replica.js';
import { type LogLevel, type RunLog } from '../history/run-log.js';
import { type Run, type RunOutcome } from '../history/run.js';
import { type PruneQuery, type ReplicaQuery, type RunQuery, RunStore } from '../history/run.store.js';
import { isRefusedForGood } from '../outages/store-refused.error.js';
import { type RunError } from '../text/describe-error.js';
import { type RunProgress, type RunTrigger } from '../worker/run-context.js';
import { type ShardCounts } from '../worker/fan-out.js';
import { Database, type Statement } from './database.js';
import { eachAtLeast } from './each-at-least.js';
import { type PostgresOptions } from './postgres-options.js';
import { toJson } from './refusal.js';
import { findReplicas } from './sql/find-replicas.js';
import { findRuns, searchedTo } from './sql/find-runs.js';
import { forgetReplica } from './sql/forget-replica.js';
import { heartbeat } from './sql/heartbeat.js';
import { lastRuns } from './sql/last-runs.js';
import { lastSlots } from './sql/last-slots.js';
import { noteSlots } from './sql/note-slots.js';
import { pruneRuns } from './sql/prune-runs.js';
import { saveRuns } from './sql/save-runs.js';
import { workersWithRuns } from './sql/workers-with-runs.js';

/** Milliseconds without an answer after which the database counts as unreachable. */
const QUERY_TIMEOUT = 5_000;
/**
 * Milliseconds without a heartbeat after which a replica no longer counts as alive. Replicas send one every two seconds.
 */
const SILENT_AFTER = 10_000;
/** Most runs that one statement deletes. It takes some milliseconds, and no other statement waits for its locks. */
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
  override readonly description: string;
  private readonly database: Database;

  constructor(options: PostgresOptions) {
    super();
    this.database = new Database(options, { timeout: QUERY_TIMEOUT, keep: false });
    this.description = this.database.description;
  }

  async open(): Promise<void> {
    await this.database.open();
  }

  async save(runs: readonly Run[]): Promise<void> {
    if (runs.length > 0) await this.query(saveRuns, [toJson(runs.map(toRow))]);
  }

  async find(query: RunQuery): Promise<Run[]> {
    const { statement, values } = findRuns(query);
    try {
      return (await this.query(statement, values)).map(fromRow);
    } catch (error) {
      // A worker whose name cannot be stored has no runs.
      if (isRefusedForGood(error)) return [];
      throw error;
    }
  }

  override async searchedTo(query: RunQuery): Promise<Pick<Run, 'id' | 'startedAt'> | undefined> {
    const search = searchedTo(query);
    if (!search) return undefined;
    const { statement, values } = search;
    const [last] = await this.query<{ id: string; started_at: number }>(statement, values);
    return last && { id: last.id, startedAt: new Date(last.started_at) };
  }

  override async heartbeat(replica: Replica, lostAfter: number): Promise<Run[]> {
    const { id, host, pid, startedAt, release = null } = replica;
    return (await this.query(heartbeat, [id, host, pid, startedAt.getTime(), lostAfter, release])).map(
      fromRow,
    );
  }

  override async replicas({ id, alive = false, limit }: ReplicaQuery): Promise<KnownReplica[]> {
    return (await this.query<ReplicaRow>(findReplicas, [id ?? null, alive, limit, SILENT_AFTER])).map(
      toReplica,
    );
  }

  override async lastSlots(
    workers: readonly string[],
    now: Date,
    timings?: ReadonlyMap<string, string>,
  ): Promise<Map<string, Date>> {
    const ask = (names: readonly string[]) =>
      this.query<{ worker: string; slot: number }>(lastSlots, [
        names,
        now.getTime(),
        names.map((name) => timings?.get(name) ?? null),
      ]);
    const { answers } = await eachAtLeast(workers, ask);
    return new Map(answers.flat().map(({ worker, slot }) => [worker, new Date(slot)]));
  }

  override async lastRuns(workers: readonly string[], count: number): Promise<Run[]> {
    const ask = (names: readonly string[]) => this.query<RunRow>(lastRuns, [names, count]);
    const { answers } = await eachAtLeast(workers, ask);
    return answers.flat().map(fromRow);
  }

  override async noteSlots(slots: ReadonlyMap<string, Date>): Promise<void> {
    await this.query(noteSlots, [[...slots.keys()], [...slots.values()].map((slot) => slot.getTime())]);
  }

  override async *prune({ endedBefore, maxRuns }: PruneQuery): AsyncGenerator<number, void, undefined> {
    const most = maxRuns === Infinity ? null : maxRuns;
    for (const { worker } of await this.query<{ worker: string }>(workersWithRuns, [])) {
      for (let deleted = PRUNE_BATCH; deleted === PRUNE_BATCH;) {
        ({ length: deleted } = await this.query(pruneRuns, [
          worker,
          endedBefore.getTime(),
          most,
          PRUNE_BATCH,
        ]));
        if (deleted > 0) yield deleted;
      }
    }
  }

  async close({ id }: Replica): Promise<void> {
    try {
      await this.query(forgetReplica, [id]);
    } finally {
      await this.database.close();
    }
  }

  private query<Row extends object = RunRow>(statement: Statement, values: unknown[]): Promise<Row[]> {
    return this.database.query<Row>(statement, values);
  }
}

interface ReplicaRow {
  id: string;
  host: string;
  pid: number;
  started_at: number;
  seen_at: number | null;
  release: string | null;
}

function toReplica({ started_at, seen_at, release, ...rest }: ReplicaRow): KnownReplica {
  return {
    ...rest,
    startedAt: new Date(started_at),
    ...(release !== null && { release }),
    alive: seen_at !== null,
    ...(seen_at !== null && { seenAt: new Date(seen_at) }),
  };
}

interface RunRow {
  id: string;
  worker: string;
  replica: string;
  trigger: RunTrigger;
  slot: number | null;
  attempt: number;
  scheduled_at: number;
  started_at: number;
  ended_at: number | null;
  outcome: RunOutcome;
  error: RunError | null;
  progress: RunProgress | null;
  blocked_ms: number | null;
  actor: string | null;
  release: string | null;
  metrics: Record<string, number> | null;
  shards: ShardCounts | null;
  payload_omitted: true | null;
  key: string | null;
  fencing_token: number | null;
  /** Absent when it was not selected. */
  payload?: unknown;
  /** Absent when it was not selected. */
  log?: StoredLog | null;
}

interface StoredLog {
  lines: { at: string; level: LogLevel; message: string }[];
  dropped: number;
}

function toRow(run: Run): Record<string, unknown> {
  const { scheduledAt, startedAt, endedAt, blockedMs, payloadOmitted, fencingToken, ...rest } = run;
  return {
    ...rest,
    scheduled_at: scheduledAt,
    started_at: startedAt,
    ended_at: endedAt,
    blocked_ms: blockedMs,
    payload_omitted: payloadOmitted,
    fencing_token: fencingToken,
  };
}

function fromRow(row: RunRow): Run {
  const { slot, scheduled_at, started_at, ended_at, error, progress, blocked_ms, ...more } = row;
  const { actor, release, metrics, shards, payload, payload_omitted, log, key, fencing_token, ...rest } =
    more;
  return {
    ...rest,
    scheduledAt: new Date(scheduled_at),
    startedAt: new Date(started_at),
    ...(slot !== null && { slot: new Date(slot) }),
    ...(ended_at !== null && { endedAt: new Date(ended_at) }),
    ...(error && { error }),
    ...(progress && { progress }),
    ...(blocked_ms !== null && { blockedMs: blocked_ms }),
    ...(actor !== null && { actor }),
    ...(release !== null && { release }),
    ...(metrics && { metrics }),
    ...(shards && { shards }),
    ...(payload !== undefined && payload !== null && { payload }),
    ...(payload_omitted && { payloadOmitted: payload_omitted }),
    ...(key !== null && { key }),
    ...(fencing_token !== null && { fencingToken: fencing_token }),
    ...(log && { log: fromStored(log) }),
  };
}

function fromStored({ lines, dropped }: StoredLog): RunLog {
  return { lines: lines.map((line) => ({ ...line, at: new Date(line.at) })), dropped };
}
