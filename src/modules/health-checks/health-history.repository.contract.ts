import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { type HealthCheckId, newId } from '../ids/typed-id.js';
import { type HealthResult } from './health-check.js';
import { type HealthHistoryRepository, uptimeOf } from './health-history.repository.js';
import { quantileOf } from './latency-histogram.js';

const MINUTE = 60_000;

/** What every `HealthHistoryRepository` keeps. `setup` is called by each case; one repository may serve them all. */
export function healthHistoryRepositoryContract(
  setup: () => { repository: HealthHistoryRepository },
): ContractCase[] {
  const result = (checkId: HealthCheckId, ago: number, more: Partial<HealthResult> = {}): HealthResult => {
    const dueAt = new Date(Date.now() - ago);
    const message = 'Answered 200';
    return {
      checkId,
      dueAt,
      startedAt: dueAt,
      outcome: 'success',
      duration: 10,
      maintenance: false,
      message,
      ...more,
    };
  };
  const write = async (...results: HealthResult[]): Promise<void> => {
    const writer = setup().repository.writer();
    writer.add(results);
    await writer.flush();
    assert.equal(writer.counts().lost, 0);
    await writer.close();
  };

  return contract(setup, {
    'gives back results, the newest first, page by page': async ({ repository }) => {
      const id = newId('healthCheck');
      const phases = { lookup: 1, connect: 2.5, firstByte: 3 };
      const results = [3, 2, 1].map((n) =>
        result(id, n * 1_000, { outcome: 'failure', phases, message: `no ${n}` }),
      );
      await write(...results, result(newId('healthCheck'), 500));
      const first = await repository.recent([id], { limit: 2 });
      assert.deepEqual(
        first.map(({ message }) => message),
        ['no 1', 'no 2'],
      );
      assert.deepEqual(first[0], { ...results[2], phases });
      const rest = await repository.recent([id], { before: first[1]!.dueAt });
      assert.deepEqual(
        rest.map(({ message }) => message),
        ['no 3'],
      );
      assert.deepEqual([...(await repository.latest([id, newId('healthCheck')])).values()], [first[0]]);
    },
    'gives the results of several checks together, the newest first': async ({ repository }) => {
      const [one, two] = [newId('healthCheck'), newId('healthCheck')];
      const of = (id: HealthCheckId, n: number) => result(id, n * 1_000, { message: `no ${n}` });
      await write(of(one, 4), of(two, 3), of(one, 2), of(two, 1), result(newId('healthCheck'), 500));
      const first = await repository.recent([one, two, newId('healthCheck')], { limit: 3 });
      assert.deepEqual(
        first.map(({ message }) => message),
        ['no 1', 'no 2', 'no 3'],
      );
      const rest = await repository.recent([one, two], { before: first[2]!.dueAt });
      assert.deepEqual(
        rest.map(({ checkId, message }) => [checkId, message]),
        [[one, 'no 4']],
      );
      assert.deepEqual(await repository.recent([]), []);
    },
    'keeps one result for one instant of a check, however often it comes': async ({ repository }) => {
      const id = newId('healthCheck');
      const once = result(id, 1_000);
      await write(once);
      await write(once, result(id, 500));
      assert.equal((await repository.recent([id])).length, 2);
    },
    'counts by outcome, and leaves maintenance out of the uptime': async ({ repository }) => {
      const id = newId('healthCheck');
      await write(
        result(id, 1_000, { duration: 10 }),
        result(id, 2_000, { outcome: 'degraded', duration: 1_000 }),
        result(id, 3_000, { outcome: 'failure', duration: 10 }),
        result(id, 4_000, { outcome: 'unknown', duration: 9_000 }),
        result(id, 5_000, { outcome: 'failure', maintenance: true, duration: 9_000 }),
      );
      const counts = await repository.counts(id, 60 * MINUTE);
      const { latency, ...numbers } = counts;
      assert.deepEqual(numbers, { success: 1, degraded: 1, failure: 1, unknown: 1, maintenance: 1 });
      assert.equal(uptimeOf(counts), 2 / 3);
      assert.ok(Math.abs(quantileOf(latency, 0.5)! / 10 - 1) < 0.06);
      assert.ok(Math.abs(quantileOf(latency, 0.99)! / 1_000 - 1) < 0.06);
      assert.equal(uptimeOf(await repository.counts(newId('healthCheck'), MINUTE)), undefined);
    },
    'counts each result once, before and after it is rolled up': async ({ repository }) => {
      const id = newId('healthCheck');
      await write(...[1, 5, 12, 20].map((minutes) => result(id, minutes * MINUTE + 1_000)));
      await repository.maintain();
      await repository.maintain();
      for (const [minutes, expected] of [
        [60, 4],
        [15, 3],
        [1_440, 4],
        [43_200, 4],
      ] as const)
        assert.equal((await repository.counts(id, minutes * MINUTE)).success, expected, `${minutes} minutes`);
    },
  });
}
