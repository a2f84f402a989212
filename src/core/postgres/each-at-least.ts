import { isRefusedForGood } from '../outages/store-refused.error.js';

/** The answers of a call for many items, in parts, and the items that PostgreSQL refuses for good, with the error. */
export interface Answers<T, Answer> {
  readonly answers: Answer[];
  readonly refused: { readonly item: T; readonly error: unknown }[];
}

/**
 * Makes one call for many items, which mostly succeeds. When it is refused because of their values, calls for each half
 * apart, so that a bad item costs only itself.
 * @throws any other error of the call
 */
export async function eachAtLeast<T, Answer>(
  items: readonly T[],
  call: (items: readonly T[]) => Promise<Answer>,
): Promise<Answers<T, Answer>> {
  try {
    return { answers: [await call(items)], refused: [] };
  } catch (error) {
    if (!isRefusedForGood(error)) throw error;
    if (items.length <= 1) return { answers: [], refused: items.map((item) => ({ item, error })) };
    const middle = items.length >> 1;
    const first = await eachAtLeast(items.slice(0, middle), call);
    const second = await eachAtLeast(items.slice(middle), call);
    return {
      answers: [...first.answers, ...second.answers],
      refused: [...first.refused, ...second.refused],
    };
  }
}
