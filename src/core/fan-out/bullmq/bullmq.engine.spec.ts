import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually } from '../../../../test/support/eventually.js';
import { describeWith } from '../../../../test/support/needs.js';
import { RedisServer } from '../../../../test/support/redis.js';
import { fanOutEngineContract, sharedFanOutEngineContract } from '../../testing/fan-out-engine.contract.js';
import { type FanOutHost } from '../fan-out.engine.js';
import { queueName } from '../queued/queue-name.js';
import { type ShardDefinition } from '../shard-definition.js';
import { bullMq } from './bullmq.engine.js';

describeWith('redis', 'bullMq', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.destroy());

  const setup = async () => {
    const prefix = randomUUID();
    return { engine: () => bullMq({ connection: redis.url, prefix }) };
  };
  for (const { name, run } of [...fanOutEngineContract(setup), ...sharedFanOutEngineContract(setup)])
    it(name, run);

  it('says when Redis stands still, without a shard to run, and when it answers again', async () => {
    const own = await RedisServer.start();
    const engine = bullMq({ connection: own.url });
    const told: unknown[] = [];
    await engine.open({ perform: async () => undefined, reached: (error) => told.push(error) });
    try {
      own.freeze();
      await eventually(() => told.some((error) => error !== undefined), 60_000);
      expect(told.find((error) => error !== undefined)).toMatchObject({
        message: expect.stringMatching(/^no answer for \d+ s$/),
      });
      own.thaw();
      told.length = 0;
      await eventually(() => told.includes(undefined), 60_000);
    } finally {
      own.thaw();
      await engine.close();
      await own.destroy();
    }
  }, 150_000);

  it('begins a fan-out anew when Redis has lost its data', async () => {
    const engine = bullMq({ connection: redis.url, prefix: randomUUID() });
    const seen: unknown[] = [];
    await engine.open({
      perform: async (_shard, { item }) => {
        seen.push(item);
        return undefined;
      },
      reached: () => {},
    });
    const shard: ShardDefinition = {
      name: 's', concurrency: 1, timeout: undefined, retries: 0, backoff: { initial: 1, max: 1, factor: 1 }, source: 's',
      call: () => {},
    }; // prettier-ignore
    const client = new Redis(redis.url);
    try {
      const outcome = engine.run({
        key: 'k', shard, items: [1, 2, 3, 4], signal: new AbortController().signal, counted: () => {}, mayStart: () => true,
        run: { worker: 'w', runId: randomUUID(), fenced: false, trigger: 'schedule', scheduledAt: 1, startedAt: 1 },
        perform: async () => undefined,
      }); // prettier-ignore
      await eventually(async () => (await client.dbsize()) > 0);
      await client.flushall();
      engine.serve([shard]);
      expect(await outcome).toMatchObject({ done: 4, failed: 0 });
      expect(new Set(seen)).toEqual(new Set([1, 2, 3, 4]));
    } finally {
      client.disconnect();
      await engine.rest(new AbortController().signal);
      await engine.close();
    }
  });
});

const NOBODY: FanOutHost = { perform: async () => undefined, reached: () => {} };

describe('the options of bullMq', () => {
  it.each<[unknown, RegExp]>([
    [{}, /connection is missing: give the address of Redis/],
    [{ connection: null }, /connection is missing/],
    [{ connection: 'redis://h', prefixes: 'a' }, /bullMq: prefixes: unknown option: did you mean prefix\?/],
    [{ connection: 'nonsense' }, /connection is no address: give redis:/],
    [{ connection: 'redis://h', prefix: 'a:b' }, /prefix: "a:b" is not 1 to 50 letters/],
  ])('refuse %j', (options, message) => {
    expect(() => bullMq(options as never)).toThrow(message);
  });

  it('tell nothing of user and password', () => {
    const { description } = bullMq({ connection: 'redis://user:secret@cache.example:6380/1' });
    expect(description).toBe('BullMQ, Redis cache.example:6380, prefix workers');
    expect(bullMq({ connection: { host: 'h', port: 7, password: 'secret' } }).description).toBe(
      'BullMQ, Redis h:7, prefix workers',
    );
  });

  it('name the server that does not answer', async () => {
    const engine = bullMq({ connection: 'redis://127.0.0.1:9' });
    await expect(engine.open(NOBODY)).rejects.toThrow(/^BullMQ, Redis 127.0.0.1:9, .*does not answer/);
  });
});

describe('the name of a queue', () => {
  it('has no characters that BullMQ refuses, and is another one for another shard', () => {
    expect(queueName('Tenants.sweep')).toBe('Tenants.sweep');
    expect(queueName('a:b')).toMatch(/^a_b-[0-9a-f]{8}$/);
    expect(queueName('a:b')).not.toBe(queueName('a/b'));
  });
});
