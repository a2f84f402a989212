import assert from 'node:assert/strict';
import { type Page, type PageQuery } from '../database/page.js';
import { InvalidInputError } from '../input/input.errors.js';

/**
 * That a list gives exactly the expected items in that order, whichever way it is paged, and refuses what is
 * no limit and no position.
 */
export async function assertPages<T>(
  list: (query: PageQuery) => Promise<Page<T>>,
  expected: readonly T[],
): Promise<void> {
  assert.deepEqual((await list({})).items, expected);
  for (const limit of [1, 2, expected.length, expected.length + 1]) {
    const items: T[] = [];
    let after: string | undefined;
    do {
      const page = await list({ limit, after });
      assert.ok(page.items.length <= limit);
      items.push(...page.items);
      after = page.next;
    } while (after !== undefined);
    assert.deepEqual(items, expected);
  }
  for (const limit of [0, -1, 1_001, 1.5, Number.NaN]) {
    await assert.rejects(list({ limit }), InvalidInputError);
  }
  await assert.rejects(list({ after: 'yesterday' }), InvalidInputError);
}
