import { type Pool } from 'pg';
import { type Job, type PgBoss } from 'pg-boss';
import { describeError } from '../../text/describe-error.js';
import { startTicking, type Timer } from '../../timing/timer.js';
import { type FanOut, type FanOutEngine } from '../fan-out.engine.js';
import { type ShardDefinition } from '../shard-definition.js';
import { Coalesced } from '../queued/coalesced.js';
import { loaded } from '../queued/loaded.js';
import { hashed } from '../queued/shard-ids.js';
import { queueName } from '../queued/queue-name.js';
import { type QueuedShard } from '../queued/queued-fan-out.js';
import { type Handled, QueuedFanOutEngine } from '../queued/queued.engine.js';
import { brief, type ShardResult } from '../queued/shard-ledger.js';
import { JobFeed } from './job-feed.js';
import { checkedOptions, type PgBossOptions } from './pg-boss.options.js';
import { PostgresShardLedger, type Query } from './postgres.ledger.js';

/** Seconds without a heartbeat after which a job counts as lost; at least 10. */
const HEARTBEAT = 15;
const HEARTBEAT_EVERY = 5_000;
/** A shard that ends its process would otherwise end one replica after the other. */
const MOST_LOST = 5;
/** The longest that pg-boss allows: a job whose replica lives is not taken from it. Seconds. */
const LONGEST_JOB = 86_400;
const PRUNE_EVERY = 3_600_000;
const CONNECT_WITHIN = 5_000;
/** Jobs that were lost too often and are counted at a time. */
const LOST_AT_ONCE = 10;

/** What a job holds of its shard. */
type ShardData = QueuedShard & { readonly attempt: number };
type ShardJob = Job<ShardData>;

/** A job with its result. */
interface Ending {
  readonly jobId: string;
  readonly result: ShardResult;
}

/**
 * Runs the shards of fan-outs as jobs of pg-boss, on every replica with that database: for
 * `WorkerModule.forRoot({ fanOut: pgBoss({ … }) })`. Needs the packages `pg-boss`, which declares Node 22.12 or later, and `pg`.
 * @throws TypeError for options that cannot be
 */
export function pgBoss(options: PgBossOptions): FanOutEngine {
  return new PgBossEngine(options);
}

/** A queue for each shard method, which each replica works off with the concurrency of the method. */
class PgBossEngine extends QueuedFanOutEngine {
  override readonly description: string;
  protected override ledger!: PostgresShardLedger;
  private readonly schema: string;
  private readonly prefix: string;
  private pool!: Pool;
  private boss!: PgBoss;
  private readonly feeds = new Map<string, JobFeed<ShardJob>[]>();
  private readonly queues = new Map<string, Promise<void>>();
  /** Active jobs, by queue. */
  private readonly jobs = new Map<string, Set<string>>();
  private readonly removals = new Map<string, Coalesced<string, unknown>>();
  private readonly endings = new Map<string, Coalesced<Ending, void>>();
  private timers: Timer[] = [];

  constructor(private readonly options: PgBossOptions) {
    super();
    ({ schema: this.schema, prefix: this.prefix, description: this.description } = checkedOptions(options));
  }

  protected override async openQueue(): Promise<void> {
    const packages = 'pg-boss pg';
    const { PgBoss: Boss } = await loaded('pgBoss', packages, () => import('pg-boss'));
    const { default: pg } = await loaded('pgBoss', packages, () => import('pg'));
    this.pool = new pg.Pool({
      connectionString: this.options.connectionString,
      max: this.options.maxConnections ?? 5,
      connectionTimeoutMillis: CONNECT_WITHIN,
      application_name: 'ctrlplane-workers shards',
    });
    this.pool.on('error', (error) => this.reached(error));
    const query: Query = async <Row extends object>(sql: string, values?: unknown[]) =>
      (await this.pool.query<Row>(sql, values)).rows;
    this.boss = new Boss({
      db: { executeSql: (text: string, values?: unknown[]) => this.pool.query(text, values) },
      schema: this.schema,
      // The framework schedules.
      schedule: false,
      superviseIntervalSeconds: 5,
      monitorIntervalSeconds: 5,
    });
    this.boss.on('error', (error) => this.reached(error));
    this.ledger = new PostgresShardLedger(query, `${this.schema}_shards`);
    try {
      await this.boss.start();
      await this.ledger.install();
    } catch (error) {
      await this.closeQueue().catch(() => {});
      throw error;
    }
    this.timers = [
      startTicking(() => void this.beat(), HEARTBEAT_EVERY, true),
      startTicking(() => void this.prune(), PRUNE_EVERY, true),
    ];
  }

  protected override async closeQueue(): Promise<void> {
    for (const timer of this.timers) timer.cancel();
    await this.takeNoMore();
    await this.boss.stop({ graceful: false });
    await this.pool.end();
  }

  protected override take(shard: ShardDefinition): void {
    if (this.feeds.has(shard.name)) return;
    const queue = this.queueOf(shard);
    this.feeds.set(shard.name, [
      this.feed(queue, queue, shard.concurrency, (job, performed) =>
        this.process(shard, queue, job, performed),
      ),
      this.feed(queue, lostOf(queue), LOST_AT_ONCE, (job) => this.lost(queue, job)),
    ]);
  }

  protected override async takeNoMore(): Promise<void> {
    const feeds = [...this.feeds.values()].flat();
    this.feeds.clear();
    await Promise.all(feeds.map((feed) => feed.stop()));
  }

  protected override async add({ shard }: FanOut, shards: readonly QueuedShard[]): Promise<void> {
    const queue = this.queueOf(shard);
    await this.ready(queue);
    await this.boss.insert(
      queue,
      shards.map((data) => ({ id: hashed(`${data.runId}\n${data.id}`), data: { ...data, attempt: 1 } })),
    );
    for (const feed of this.feeds.get(shard.name) ?? []) feed.nudge();
  }

  protected override async size({ shard }: FanOut): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${this.schema}.job WHERE name = $1 AND state < 'completed'`,
      [this.queueOf(shard)],
    );
    return rows[0]!.count;
  }

  /** The result and the end of the job in one commit, for as many as come at a time: a commit waits for the disk. */
  protected override async keep(
    shard: ShardDefinition,
    jobId: string,
    result: ShardResult,
  ): Promise<Handled> {
    const queue = this.queueOf(shard);
    let ending = this.endings.get(queue);
    if (!ending) {
      ending = new Coalesced((endings) =>
        this.ledger.succeeded(
          endings.map(({ result }) => result),
          { schema: this.schema, queue, ids: endings.map(({ jobId }) => jobId) },
        ),
      );
      this.endings.set(queue, ending);
    }
    await ending.of({ jobId, result });
    return { next: 'nothing' };
  }

  private feed(
    queue: string,
    from: string,
    concurrency: number,
    handle: (job: ShardJob, performed: () => void) => Promise<void>,
  ): JobFeed<ShardJob> {
    return new JobFeed<ShardJob>(
      {
        fetch: async (batchSize) => {
          await this.ready(queue);
          return this.boss.fetch<ShardData>(from, { batchSize });
        },
        handle: (job, performed) => handle(job, performed).catch((error: unknown) => this.reached(error)),
        reached: (error) => this.reached(error),
      },
      concurrency,
    );
  }

  private async process(
    shard: ShardDefinition,
    queue: string,
    { id, data }: ShardJob,
    performed: () => void,
  ): Promise<void> {
    const active = this.jobs.get(queue) ?? new Set();
    this.jobs.set(queue, active.add(id));
    try {
      // What has a result has no job, as both are of one commit: nothing to look up when it is delivered again.
      const handled = await this.handle(shard, { jobId: id, ...data, redelivered: false }, performed);
      await this.settle(queue, id, data, handled);
    } finally {
      active.delete(id);
    }
  }

  /** A job that is lost between the two calls is found missing by its run. */
  private async settle(queue: string, id: string, data: ShardData, handled: Handled): Promise<void> {
    if (handled.next === 'nothing') return;
    await this.remove(queue, id);
    if (handled.next === 'remove') return;
    const again =
      handled.next === 'retry'
        ? { data: { ...data, attempt: data.attempt + 1 }, startAfter: new Date(Date.now() + handled.wait) }
        : { data };
    await this.boss.insert(queue, [{ id, ...again }]);
  }

  /** A shard whose replica has died each time counts as failed. */
  private async lost(queue: string, { id, data }: ShardJob): Promise<void> {
    const error = describeError(new Error(`Its replica ended ${MOST_LOST + 1} times while it ran`));
    await this.ledger.gaveUp(data.key, data.runId, data.id, { attempts: data.attempt, error: brief(error) });
    await this.remove(lostOf(queue), id);
  }

  private async remove(queue: string, id: string): Promise<void> {
    let removal = this.removals.get(queue);
    if (!removal) {
      removal = new Coalesced((ids) => this.boss.deleteJob(queue, [...ids]));
      this.removals.set(queue, removal);
    }
    await removal.of(id);
  }

  private async beat(): Promise<void> {
    try {
      for (const [queue, ids] of this.jobs) if (ids.size > 0) await this.boss.touch(queue, [...ids]);
    } catch (error) {
      this.reached(error);
    }
  }

  private async prune(): Promise<void> {
    await this.ledger.prune().catch((error: unknown) => this.reached(error));
  }

  private queueOf({ name }: ShardDefinition): string {
    return `${this.prefix}.${queueName(name)}`;
  }

  /** Makes the queue, once. */
  private ready(queue: string): Promise<void> {
    const known = this.queues.get(queue);
    if (known) return known;
    const made = this.make(queue);
    this.queues.set(queue, made);
    // Tried again by the next call.
    made.catch(() => this.queues.delete(queue));
    return made;
  }

  private async make(queue: string): Promise<void> {
    await this.boss.createQueue(lostOf(queue));
    await this.boss.createQueue(queue, {
      heartbeatSeconds: HEARTBEAT,
      expireInSeconds: LONGEST_JOB,
      retryLimit: MOST_LOST,
      retryDelay: 0,
      deadLetter: lostOf(queue),
    });
  }
}

function lostOf(queue: string): string {
  return `${queue}.lost`;
}
