import type * as BullMq from 'bullmq';
import { type Job, type Queue, type Worker } from 'bullmq';
import { type Redis } from 'ioredis';
import { waitAfter } from '../../scheduler/backoff.js';
import { describeError } from '../../text/describe-error.js';
import { type OptionNames, requireKnown } from '../../text/option-names.js';
import { SystemClock } from '../../timing/clock.js';
import { atMost } from '../../timing/at-most.js';
import { type FanOut, type FanOutEngine } from '../fan-out.engine.js';
import { type ShardDefinition } from '../shard-definition.js';
import { type QueuedShard } from '../queued/queued-fan-out.js';
import { type Handled, QueuedFanOutEngine } from '../queued/queued.engine.js';
import { loaded } from '../queued/loaded.js';
import { queueName } from '../queued/queue-name.js';
import { brief, type ShardResult } from '../queued/shard-ledger.js';
import { PerTurn } from './per-turn.js';
import { RedisShardLedger } from './redis.ledger.js';

/** Options of `bullMq`. */
export interface BullMqOptions {
  /** Address of Redis, `redis://host:port`, or options of ioredis. */
  connection: string | { readonly [option: string]: unknown };
  /**
   * Begin of all keys. Applications on one Redis need different ones; all replicas of one the same. Letters, digits, `-`
   * and `_`. Default `workers`.
   */
  prefix?: string | undefined;
}

const NAMES: OptionNames<BullMqOptions> = { connection: true, prefix: true };

/** Milliseconds after which a job counts as lost whose replica has not said that it has it. It does so every half of that. */
const LOCK = 15_000;
const LOOK_FOR_LOST_EVERY = 5_000;
/** A shard that ends its process would otherwise end one replica after the other. */
const MOST_LOST = 5;
/** How long a start waits for Redis. Milliseconds. */
const OPEN_WITHIN = 5_000;
const RECONNECT_WITHIN = 1_000;
/** Milliseconds for a connection to end. By default ioredis waits 2 s, also after one that has ended, and holds the process. */
const DISCONNECT_WITHIN = 200;

/** What a job holds of its shard. The rest is its id: those of the shard and of the run. */
type ShardData = Pick<QueuedShard, 'key' | 'index' | 'item'>;

/** Characters of a shard's id. */
const ID = 36;

/**
 * Runs the shards of fan-outs as jobs of BullMQ, on every replica with that Redis: for
 * `WorkerModule.forRoot({ fanOut: bullMq({ … }) })`. Needs the packages `bullmq` and `ioredis`.
 *
 * Redis should write an append-only file, or a fan-out begins anew when Redis restarts.
 * @throws TypeError for options that cannot be
 */
export function bullMq(options: BullMqOptions): FanOutEngine {
  return new BullMqEngine(options);
}

/** A queue for each shard method, which each replica works off with the concurrency of the method. */
class BullMqEngine extends QueuedFanOutEngine {
  override readonly description: string;
  protected override ledger!: RedisShardLedger;
  private readonly prefix: string;
  private redis!: Redis;
  private bullmq!: typeof BullMq;
  private readonly queues = new Map<string, Queue<ShardData>>();
  private readonly workers = new Map<string, Worker<ShardData>>();
  private readonly results = new PerTurn<ShardResult>((results) => this.write(results));

  constructor(private readonly options: BullMqOptions) {
    super();
    requireKnown(options, NAMES, 'bullMq');
    const { connection, prefix = 'workers' } = options;
    if (typeof connection !== 'string' && (typeof connection !== 'object' || connection === null))
      throw new TypeError(
        'bullMq: connection is missing: give the address of Redis (redis://127.0.0.1:6379) or options of ioredis',
      );
    if (!/^[\w-]{1,50}$/.test(prefix))
      throw new TypeError(
        `bullMq: prefix: ${JSON.stringify(prefix)} is not 1 to 50 letters, digits, - and _`,
      );
    this.prefix = prefix;
    this.description = `BullMQ, ${addressOf(connection)}, prefix ${prefix}`;
  }

  protected override async openQueue(): Promise<void> {
    const { connection } = this.options;
    this.bullmq = await loaded('bullMq', 'bullmq ioredis', () => import('bullmq'));
    const { Redis: Client } = await loaded('bullMq', 'bullmq ioredis', () => import('ioredis'));
    // Calls wait for the connection to come back: jobs and results are not lost by a restart of Redis.
    const settings = {
      maxRetriesPerRequest: null,
      disconnectTimeout: DISCONNECT_WITHIN,
      retryStrategy: (times: number) => Math.min(RECONNECT_WITHIN, times * 50),
    };
    this.redis =
      typeof connection === 'string'
        ? new Client(connection, settings)
        : new Client({ ...connection, ...settings });
    this.redis.on('error', (error: Error) => this.reached(error));
    this.redis.on('ready', () => this.reached(undefined));
    this.ledger = new RedisShardLedger(this.redis, this.prefix);
    let answered = false;
    const ping = this.redis.ping().then(() => (answered = true));
    try {
      await atMost(OPEN_WITHIN, ping, new SystemClock());
    } catch (error) {
      this.redis.disconnect();
      throw error;
    }
    if (answered) return;
    ping.catch(() => {});
    this.redis.disconnect();
    throw new Error(`${this.description} does not answer within ${OPEN_WITHIN / 1_000} s`);
  }

  protected override async closeQueue(): Promise<void> {
    await this.takeNoMore();
    for (const queue of this.queues.values()) await queue.close();
    this.queues.clear();
    this.redis.disconnect();
  }

  protected override take(shard: ShardDefinition): void {
    if (this.workers.has(shard.name)) return;
    const worker = new this.bullmq.Worker<ShardData>(
      queueName(shard.name),
      (job, token) => this.process(shard, job, token),
      {
        connection: this.redis,
        prefix: this.prefix,
        concurrency: shard.concurrency,
        lockDuration: LOCK,
        stalledInterval: LOOK_FOR_LOST_EVERY,
        maxStalledCount: MOST_LOST,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
        settings: { backoffStrategy: (failures: number) => waitAfter(failures, shard.backoff) },
      },
    );
    worker.on('error', (error) => {
      // Another replica has the job, or had its end: it is handed out again.
      if (!/missing lock|not in the active state/i.test(error.message)) this.reached(error);
    });
    worker.on('failed', (job, error) => {
      if (job && /job stalled/.test(error.message)) void this.lost(job);
    });
    this.workers.set(shard.name, worker);
  }

  protected override async takeNoMore(): Promise<void> {
    const workers = [...this.workers.values()];
    this.workers.clear();
    await Promise.all(workers.map((worker) => worker.close()));
  }

  protected override async add({ shard }: FanOut, shards: readonly QueuedShard[]): Promise<void> {
    const attempts = shard.retries > 0 && { attempts: shard.retries + 1, backoff: { type: 'custom' } };
    await this.queueOf(shard).addBulk(
      shards.map(({ id, runId, ...data }) => ({
        name: shard.name,
        data,
        opts: { jobId: `${id}.${runId}`, ...attempts },
      })),
    );
  }

  protected override async size({ shard }: FanOut): Promise<number> {
    const counts = await this.queueOf(shard).getJobCounts('wait', 'active', 'delayed', 'prioritized');
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  /**
   * Waits until the result is sent, and not for its answer. BullMQ removes the job over the same connection, and Redis takes one call
   * after the other: the result is there before. One that Redis refuses is missed by the run, which then adds its job again.
   */
  protected override async keep(
    _shard: ShardDefinition,
    _jobId: string,
    result: ShardResult,
  ): Promise<Handled> {
    await this.results.add(result);
    return { next: 'remove' };
  }

  private write(results: readonly ShardResult[]): void {
    // With the removals, which follow in this turn, they go out as one piece: a system call for each took a tenth of the processor time.
    const { stream }: Partial<Pick<Redis, 'stream'>> = this.redis;
    stream?.cork();
    process.nextTick(() => stream?.uncork());
    this.ledger.succeeded(results).catch((error: unknown) => this.reached(error));
  }

  private async process(shard: ShardDefinition, job: Job<ShardData>, token?: string): Promise<void> {
    const { id: jobId, data, attemptsMade, attemptsStarted, stalledCounter } = job;
    const handled = await this.handle(shard, {
      jobId: jobId!,
      id: jobId!.slice(0, ID),
      runId: jobId!.slice(ID + 1),
      ...data,
      attempt: attemptsMade + 1,
      redelivered: stalledCounter > 0 || attemptsStarted > attemptsMade + 1,
    });
    if (handled.next === 'retry') throw handled.error instanceof Error ? handled.error : new Error('failed');
    if (handled.next === 'remove' || handled.next === 'nothing') return;
    await job.moveToWait(token);
    throw new this.bullmq.WaitingError();
  }

  /** A shard whose replica has died each time counts as failed. */
  private async lost({ id: jobId, data: { key }, attemptsMade }: Job<ShardData>): Promise<void> {
    try {
      const error = describeError(new Error(`Its replica ended ${MOST_LOST + 1} times while it ran`));
      const [id, runId] = [jobId!.slice(0, ID), jobId!.slice(ID + 1)];
      await this.ledger.gaveUp(key, runId, id, { attempts: attemptsMade, error: brief(error) });
    } catch (error) {
      this.reached(error);
    }
  }

  private queueOf({ name }: ShardDefinition): Queue<ShardData> {
    const known = this.queues.get(name);
    if (known) return known;
    const queue = new this.bullmq.Queue<ShardData>(queueName(name), {
      connection: this.redis,
      prefix: this.prefix,
    });
    queue.on('error', (error) => this.reached(error));
    this.queues.set(name, queue);
    return queue;
  }
}

/** Without user and password. */
function addressOf(connection: BullMqOptions['connection']): string {
  if (typeof connection !== 'string')
    return `Redis ${String(connection.host ?? connection.path ?? '127.0.0.1')}:${String(connection.port ?? 6379)}`;
  try {
    const { host, pathname } = new URL(connection);
    return `Redis ${host || pathname}`;
  } catch {
    throw new TypeError('bullMq: connection is no address: give redis://host:port');
  }
}
