import { isRefusedForGood } from '../outages/store-refused.error.js';

/** What a call for many answered, in parts, and those for whom PostgreSQL will never do it, with its reason. */
export interface Answers<T, Answer> {
  readonly answers: Answer[];
  readonly refused: { readonly item: T; readonly error: unknown }[];
}

/**
 * Makes a call for many at once, as it mostly succeeds; when it is refused for what is in it, for each half apart, so that
 * one bad item costs only itself.
 * @throws what the call throws for another reason
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
