import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../../core/testing/contract-case.js';
import { newId } from '../../ids/typed-id.js';
import { type IssuanceLimiter } from './issuance-limiter.js';
import { type BucketUse, type Limit } from './issuance-limits.js';

export interface IssuanceLimiterSetup {
  limiter: IssuanceLimiter;
  /** Lets its time go on by this many milliseconds, or a little more. */
  pass(ms: number): Promise<void>;
}

/** What every `IssuanceLimiter` keeps. */
export function issuanceLimiterContract(setup: () => IssuanceLimiterSetup): ContractCase[] {
  const bucket = (limit: Limit, take = true): BucketUse => ({
    key: `test/${newId('certificate')}`,
    limit,
    take,
  });
  const SLOW = 3_600_000;

  return contract(setup, {
    'admits as many as the limit says, and then tells when and by which bucket there will be one more':
      async ({ limiter }) => {
        const use = bucket({ count: 3, per: SLOW });
        for (let n = 0; n < 3; n++) assert.deepEqual(await limiter.admit([use]), { admitted: true });
        const refused = await limiter.admit([use]);
        assert.ok(!refused.admitted);
        assert.equal(refused.bucket, use.key);
        assert.ok(refused.availableIn > 0 && refused.availableIn <= SLOW / 3, `${refused.availableIn} ms`);
      },
    'fills up evenly, and never above the limit': async ({ limiter, pass }) => {
      const admit = async (use: BucketUse) => (await limiter.admit([use])).admitted;
      // Time goes on for a machine that stands still: refills take longer than that.
      const slow = bucket({ count: 2, per: 240_000 });
      assert.deepEqual([await admit(slow), await admit(slow)], [true, true]);
      const first = await limiter.admit([slow]);
      assert.ok(!first.admitted && first.availableIn <= 120_000);
      await pass(300);
      const second = await limiter.admit([slow]);
      assert.ok(!second.admitted && second.availableIn <= first.availableIn - 300, 'the token comes closer');
      const fast = bucket({ count: 2, per: 200 });
      assert.ok(await admit(fast));
      await pass(600);
      const left = { ...fast, limit: { count: 2, per: SLOW } };
      assert.deepEqual([await admit(left), await admit(left), await admit(left)], [true, true, false]);
    },
    'takes all tokens of an order or none': async ({ limiter }) => {
      const [wide, narrow] = [bucket({ count: 2, per: SLOW }), bucket({ count: 1, per: SLOW })];
      assert.ok((await limiter.admit([wide, narrow])).admitted);
      assert.ok(!(await limiter.admit([wide, narrow])).admitted);
      assert.ok((await limiter.admit([wide])).admitted, 'the refused order took nothing');
    },
    'only looks at a bucket from which nothing is to be taken': async ({ limiter }) => {
      const look = bucket({ count: 1, per: SLOW }, false);
      for (let n = 0; n < 3; n++) assert.ok((await limiter.admit([look])).admitted);
      await limiter.spend([{ ...look, take: true }]);
      assert.ok(!(await limiter.admit([look])).admitted);
    },
    'spends what is not there, and waits for as much longer': async ({ limiter }) => {
      const use = bucket({ count: 1, per: SLOW });
      for (let n = 0; n < 3; n++) await limiter.spend([use]);
      const refused = await limiter.admit([use]);
      assert.ok(!refused.admitted && refused.availableIn > 2 * SLOW, JSON.stringify(refused));
    },
    'admits no more to many at once than to one after another': async ({ limiter }) => {
      const uses = Array.from({ length: 3 }, () => bucket({ count: 5, per: SLOW }));
      const orders = Array.from({ length: 20 }, (_, n) => limiter.admit(n % 2 ? uses : uses.toReversed()));
      const admitted = (await Promise.all(orders)).filter((answer) => answer.admitted);
      assert.equal(admitted.length, 5);
    },
    'admits what needs no token': async ({ limiter }) =>
      assert.deepEqual(await limiter.admit([]), { admitted: true }),
  });
}
