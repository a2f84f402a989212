import { type Redis } from 'ioredis';
import { StoreRefusedError } from '../../outages/store-refused.error.js';
import { type ShardRun } from '../fan-out.engine.js';
import { type ShardMetrics } from '../shard-runner.js';
import { hashedKey } from '../queued/shard-ids.js';
import {
  type FailedShard,
  type FanOutState,
  type LedgerCounts,
  type LedgerEntries,
  ShardLedger,
  type ShardResult,
} from '../queued/shard-ledger.js';

/** How long what is known of a fan-out outlives the last look at it. Seconds. */
const KEEP = 2 * 86_400;

// KEYS of all scripts: state, done, failed. A hash tag keeps them on one node of a Redis cluster.

const EXPIRE = `for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ${KEEP}) end`;

/** ARGV: the run, its id, its token or nothing. */
const ADOPT = `
local token = tonumber(redis.call('HGET', KEYS[1], 'token') or '')
local own = tonumber(ARGV[3])
if token and own and token > own then return 0 end
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'runId', ARGV[2], 'token', ARGV[3], 'stopped', '0')
redis.call('DEL', KEYS[3])
${EXPIRE}
return 1
`;

const COUNTS = `
${EXPIRE}
local state = redis.call('HMGET', KEYS[1], 'runId', 'stopped')
return { redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[3]), state[1], state[2] }
`;

/** ARGV: id and metrics of each shard. A shard that failed under another replica may have succeeded here. */
const SUCCEEDED = `
redis.call('HSET', KEYS[2], unpack(ARGV))
if redis.call('EXISTS', KEYS[3]) == 1 then
  for i = 1, #ARGV, 2 do redis.call('HDEL', KEYS[3], ARGV[i]) end
end
${EXPIRE}
`;

/** ARGV: id of the run, id of the shard, the failure. */
const GAVE_UP = `
if redis.call('HGET', KEYS[1], 'runId') ~= ARGV[1] or redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
${EXPIRE}
`;

/** ARGV: id of the run. */
const STOP = `
if redis.call('HGET', KEYS[1], 'runId') == ARGV[1] then redis.call('HSET', KEYS[1], 'stopped', '1') end
`;

/** Lua takes some 8,000 arguments at once. */
const MOST_RESULTS = 1_000;

/** The ledger in Redis: three hashes for each fan-out. */
export class RedisShardLedger extends ShardLedger {
  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
  ) {
    super();
  }

  async adopt(key: string, run: ShardRun): Promise<boolean> {
    const token = run.fencingToken === undefined ? '' : String(run.fencingToken);
    return (await this.script(ADOPT, key, [JSON.stringify(run), run.runId, token])) === 1;
  }

  async runOf(key: string): Promise<ShardRun | undefined> {
    const run = await this.asked(() => this.redis.hget(this.keysOf(key)[0]!, 'run'));
    return run === null ? undefined : (JSON.parse(run) as ShardRun);
  }

  async statesOf(keys: readonly string[]): Promise<ReadonlyMap<string, FanOutState>> {
    const states = await Promise.all(
      keys.map((key) => this.asked(() => this.redis.hmget(this.keysOf(key)[0]!, 'runId', 'stopped'))),
    );
    return new Map(
      keys.flatMap((key, i) => {
        const state = stateOf(states[i]!);
        return state ? [[key, state] as const] : [];
      }),
    );
  }

  async counts(key: string): Promise<LedgerCounts> {
    const [done, failed, ...state] = (await this.script(COUNTS, key, [])) as [
      number, number, string | null, string | null,
    ]; // prettier-ignore
    return { done, failed, state: stateOf(state) };
  }

  async entries(key: string): Promise<LedgerEntries> {
    const [, done, failed] = this.keysOf(key);
    const [succeeded, gaveUp] = await this.asked(() =>
      Promise.all([this.redis.hgetall(done), this.redis.hkeys(failed)]),
    );
    return {
      done: new Map(Object.entries(succeeded).map(([id, metrics]) => [id, metricsOf(metrics)])),
      failed: new Set(gaveUp),
    };
  }

  async isDone(key: string, id: string): Promise<boolean> {
    return (await this.asked(() => this.redis.hexists(this.keysOf(key)[1], id))) === 1;
  }

  async failures(key: string, ids: readonly string[]): Promise<ReadonlyMap<string, FailedShard>> {
    const found = await this.asked(() => this.redis.hmget(this.keysOf(key)[2], ...ids));
    return new Map(
      ids.flatMap((id, i) => (found[i] ? [[id, JSON.parse(found[i]) as FailedShard] as const] : [])),
    );
  }

  /** Sends all of it before it returns. */
  async succeeded(results: readonly ShardResult[]): Promise<void> {
    const byKey = new Map<string, string[]>();
    for (const { key, id, metrics } of results) {
      const values = byKey.get(key) ?? [];
      byKey.set(key, values);
      values.push(id, metrics ? JSON.stringify(metrics) : '');
    }
    const calls: Promise<unknown>[] = [];
    for (const [key, values] of byKey)
      for (let at = 0; at < values.length; at += MOST_RESULTS * 2)
        calls.push(this.script(SUCCEEDED, key, values.slice(at, at + MOST_RESULTS * 2)));
    await Promise.all(calls);
  }

  async gaveUp(key: string, runId: string, id: string, failure: FailedShard): Promise<void> {
    await this.script(GAVE_UP, key, [runId, id, JSON.stringify(failure)]);
  }

  async stop(key: string, runId: string): Promise<void> {
    await this.script(STOP, key, [runId]);
  }

  async forget(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.asked(() => this.redis.unlink(...this.keysOf(key)));
  }

  private script(lua: string, key: string, values: string[]): Promise<unknown> {
    return this.asked(() => this.redis.eval(lua, 3, ...this.keysOf(key), ...values));
  }

  private keysOf(key: string): [state: string, done: string, failed: string] {
    const start = `${this.prefix}:fan-out:{${hashedKey(key)}}`;
    return [`${start}:state`, `${start}:done`, `${start}:failed`];
  }

  /** @throws StoreRefusedError when Redis has answered with an error */
  private async asked<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if ((error as Error).name !== 'ReplyError') throw error;
      throw new StoreRefusedError((error as Error).message, 'state', { cause: error });
    }
  }
}

function stateOf([runId, stopped]: readonly (string | null | undefined)[]): FanOutState | undefined {
  return runId ? { runId, stopped: stopped === '1' } : undefined;
}

function metricsOf(json: string): ShardMetrics {
  return json === '' ? undefined : (JSON.parse(json) as ShardMetrics);
}
