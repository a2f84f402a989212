import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { eventually } from '../../../../test/support/eventually.js';
import { type Gate, gate } from '../../../../test/support/gate.js';
import { describeWith } from '../../../../test/support/needs.js';
import { RedisServer } from '../../../../test/support/redis.js';
import { fanOutEngineContract, sharedFanOutEngineContract } from '../../testing/fan-out-engine.contract.js';
import { type FanOut, type FanOutEngine, type FanOutHost } from '../fan-out.engine.js';
import { queueName } from '../queued/queue-name.js';
import { type ShardDefinition } from '../shard-definition.js';
import { bullMq } from './bullmq.engine.js';
import { RedisShardLedger } from './redis.ledger.js';

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

  describe('a fan-out', () => {
    const shard: ShardDefinition = {
      name: 's', concurrency: 1, timeout: undefined, retries: 0, backoff: { initial: 1, max: 1, factor: 1 }, source: 's',
      call: () => {},
    }; // prettier-ignore
    const fanOut = (): FanOut => ({
      key: 'k', shard, items: [1, 2, 3, 4], signal: new AbortController().signal, counted: () => {}, mayStart: () => true,
      run: { worker: 'w', runId: randomUUID(), fenced: false, trigger: 'schedule', scheduledAt: 1, startedAt: 1 },
      perform: async () => undefined,
    }); // prettier-ignore
    let client: Redis;
    let engine: FanOutEngine;
    let seen: unknown[];
    let before: (item: unknown) => Promise<void>;

    beforeEach(async () => {
      client = new Redis(redis.url);
      await client.flushall();
      engine = bullMq({ connection: redis.url });
      seen = [];
      before = async () => {};
      await engine.open({
        perform: async (_shard, { item }) => {
          seen.push(item);
          await before(item);
          return undefined;
        },
        reached: () => {},
      });
    });
    afterEach(async () => {
      client.disconnect();
      await engine.rest(new AbortController().signal);
      await engine.close();
    });

    it('begins anew when Redis has lost its data', async () => {
      const outcome = engine.run(fanOut());
      await eventually(async () => (await client.dbsize()) > 0);
      await client.flushall();
      engine.serve([shard]);
      expect(await outcome).toMatchObject({ done: 4, failed: 0 });
      expect(new Set(seen)).toEqual(new Set([1, 2, 3, 4]));
    });

    it('has each result before its job is removed', async () => {
      const commands: string[][] = [];
      const monitor = await client.monitor();
      monitor.on('monitor', (_time: string, args: string[]) => commands.push(args));
      try {
        engine.serve([shard]);
        await engine.run(fanOut());
        const jobs = () =>
          commands.flatMap(([name, key], place) =>
            /^(del|unlink)$/i.test(name!) && /:s:[\w-]{36}\.[\w-]+$/.test(key!)
              ? [[key!, place] as const]
              : [],
          );
        await eventually(() => jobs().length >= 4);
        for (const [key, place] of jobs()) {
          const id = key.split(':').at(-1)!.slice(0, 36);
          const written = commands.findIndex(([name, ...rest]) => /^hset$/i.test(name!) && rest.includes(id));
          expect(written).toBeGreaterThan(-1);
          expect(written).toBeLessThan(place);
        }
      } finally {
        monitor.disconnect();
      }
    });

    describe('of which Redis has said that it goes on', () => {
      const jobs = () => client.keys('*:s:*.*');
      let answered: Gate;
      let asked: number;

      /** Answers of Redis come when the gate is open. */
      const hold = (call: 'statesOf' | 'runOf'): void => {
        const original = RedisShardLedger.prototype[call] as (...of: unknown[]) => Promise<never>;
        jest.spyOn(RedisShardLedger.prototype, call).mockImplementation(async function (
          this: RedisShardLedger,
          ...of: unknown[]
        ) {
          const answer = await original.apply(this, of);
          asked++;
          await answered.opened;
          return answer;
        });
      };

      /** A run whose first shard waits for such an answer. */
      const asking = async () => {
        const controller = new AbortController();
        const run = engine.run({ ...fanOut(), signal: controller.signal });
        engine.serve([shard]);
        await eventually(() => asked > 0);
        return { controller, run };
      };

      beforeEach(() => {
        answered = gate();
        asked = 0;
      });
      afterEach(() => {
        answered.open();
        jest.restoreAllMocks();
      });

      it.each([
        ['whether it goes on', 'statesOf'],
        ['what its run is', 'runOf'],
      ] as const)('starts no shard that asked %s before its run was told to end', async (_what, call) => {
        hold(call);
        const { controller, run } = await asking();
        controller.abort(new Error('enough'));
        await expect(run).rejects.toThrow('enough');
        answered.open();
        await eventually(async () => (await jobs()).length === 0);
        expect(seen).toEqual([]);
      });

      it('starts no shard while Redis is told of the end of its run', async () => {
        hold('statesOf');
        const { stop } = RedisShardLedger.prototype;
        jest.spyOn(RedisShardLedger.prototype, 'stop').mockImplementation(async function (
          this: RedisShardLedger,
          ...of
        ) {
          answered.open();
          await eventually(async () => (await jobs()).length === 0);
          return stop.apply(this, of);
        });
        const { controller, run } = await asking();
        controller.abort(new Error('enough'));
        await expect(run).rejects.toThrow('enough');
        expect(seen).toEqual([]);
      });

      it('starts no shard once its replica rests', async () => {
        hold('statesOf');
        const { controller, run } = await asking();
        const rested = engine.rest(controller.signal);
        answered.open();
        await rested;
        expect(seen).toEqual([]);
        controller.abort(new Error('enough'));
        await expect(run).rejects.toThrow('enough');
      });
    });

    it('runs a shard again whose result was lost and whose job is gone', async () => {
      before = async (item) => {
        if (item !== 4 || seen.filter((other) => other === 4).length > 1) return;
        const [done] = await client.keys('*:done');
        const results = await client.hkeys(done!);
        expect(results).toHaveLength(3);
        await client.hdel(done!, results[0]!);
      };
      engine.serve([shard]);
      expect(await engine.run(fanOut())).toMatchObject({ done: 4, failed: 0 });
      expect(seen).toHaveLength(5);
    });
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

  it('name the server that does not answer, and do not hold the process after that', async () => {
    const setTimer = jest.spyOn(globalThis, 'setTimeout');
    try {
      const engine = bullMq({ connection: 'redis://127.0.0.1:9' });
      await expect(engine.open(NOBODY)).rejects.toThrow(/^BullMQ, Redis 127.0.0.1:9, .*does not answer/);
      const left = setTimer.mock.calls.flatMap(([, ms = 0], call) => {
        const timer = setTimer.mock.results[call]!.value as NodeJS.Timeout & { _destroyed: boolean };
        return timer._destroyed || !timer.hasRef() ? [] : [ms];
      });
      expect(left.filter((ms) => ms > 200)).toEqual([]);
    } finally {
      setTimer.mockRestore();
    }
  });
});

describe('the name of a queue', () => {
  it('has no characters that BullMQ refuses, and is another one for another shard', () => {
    expect(queueName('Tenants.sweep')).toBe('Tenants.sweep');
    expect(queueName('a:b')).toMatch(/^a_b-[0-9a-f]{8}$/);
    expect(queueName('a:b')).not.toBe(queueName('a/b'));
  });
});
