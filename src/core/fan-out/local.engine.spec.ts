import { describe, expect, it } from '@jest/globals';
import { fanOutEngineContract } from '../testing/fan-out-engine.contract.js';
import { SystemClock } from '../timing/clock.js';
import { LocalFanOutEngine } from './local.engine.js';

describe('LocalFanOutEngine', () => {
  const contract = fanOutEngineContract(async () => ({
    engine: () => new LocalFanOutEngine(new SystemClock()),
  }));
  for (const { name, run } of contract) it(name, run);

  it('starts no shard when its replica may no longer rely on its right to run', async () => {
    const controller = new AbortController();
    let performed = 0;
    const run = new LocalFanOutEngine(new SystemClock()).run({
      key: 'k',
      run: { worker: 'w', runId: 'r', fenced: true, trigger: 'schedule', scheduledAt: 1, startedAt: 1 },
      shard: {
        name: 's', concurrency: 1, timeout: undefined, retries: 0, backoff: { initial: 1, max: 1, factor: 1 }, source: 's',
        call: () => {},
      }, // prettier-ignore
      items: [1, 2, 3],
      signal: controller.signal,
      // Until the first shard has ended.
      mayStart: () => performed === 0,
      perform: async () => {
        performed++;
        setImmediate(() => controller.abort(new Error('lease lost')));
        return undefined;
      },
      counted: () => {},
    });
    await expect(run).rejects.toThrow('lease lost');
    expect(performed).toBe(1);
  });
});
