import { afterEach, describe, expect, it } from '@jest/globals';
import { testCluster } from '../../../test/support/cluster.js';
import { startWorkers, type Workers } from '../../../test/support/workers.js';

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

/** What no description may stumble over. */
const THROWN: [string, () => unknown][] = [
  ['an error whose message is a list', () => Object.assign(new Error('x'), { message: ['name must be a string'] })],
  ['an error whose message is a number', () => Object.assign(new Error('x'), { message: 7 })],
  ['an error without a name', () => Object.assign(new Error('x'), { name: undefined })],
  ['an error whose stack is a list', () => Object.assign(new Error('x'), { stack: ['at x'] })],
  ['an error whose message is a getter that throws', () => Object.defineProperty(new Error('x'), 'message', { get: () => { throw new Error('y'); } })],
  ['a revoked Proxy', revoked],
  ['an object without prototype', () => Object.create(null)],
  ['an error whose cause is a revoked Proxy', () => new Error('x', { cause: revoked() })],
]; // prettier-ignore

describe('a run', () => {
  const closes: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  const alone = async (run: () => unknown): Promise<Workers> => {
    const workers = await startWorkers([{ name: 'w', interval: '1s', run }]);
    closes.push(workers.close);
    return workers;
  };
  const inCluster = async (run: () => unknown): Promise<Workers> => {
    const cluster = testCluster();
    closes.push(cluster.close);
    return cluster.join(() => [{ name: 'w', interval: '1s', run }]);
  };

  describe.each([
    ['alone', alone],
    ['in a cluster', inCluster],
  ])('%s', (_where, start) => {
    it.each(THROWN)('that throws %s has failed, and the worker goes on', async (_what, thrown) => {
      let calls = 0;
      const workers = await start(() => {
        if (++calls === 1) throw thrown();
      });
      await workers.clock.advance('3.5s');
      const [first, second] = await workers.runs('w');
      expect(first).toMatchObject({ outcome: 'failed', error: { message: expect.any(String) } });
      expect(first!.endedAt).toBeInstanceOf(Date);
      expect(second).toMatchObject({ outcome: 'succeeded' });
      expect(workers.scheduler.workerByName('w')).toMatchObject({ state: 'idle', activeRuns: 0 });
    });
  });

  it('says in the log and in the status why it failed, with the reasons', async () => {
    const reason = new Error('connect ECONNREFUSED 127.0.0.1:9');
    const { clock, logs, scheduler } = await alone(() => {
      throw new TypeError('fetch failed', { cause: reason });
    });
    await clock.advance('1s');
    expect(logs).toContainEqual(
      expect.stringMatching(/^Worker "w" failed \(run .*\): fetch failed: connect ECONNREFUSED 127.0.0.1:9$/),
    );
    expect(scheduler.workerByName('w')!.lastError).toBe('fetch failed: connect ECONNREFUSED 127.0.0.1:9');
  });
});
