import { problemOf } from '../http/problem.js';

/** Changes at a time: each is a statement where there is a coordination. */
const AT_ONCE = 8;

/** What became of a change of many workers. */
export interface BulkChange {
  /** Names of those that were changed. */
  changed: string[];
  /** Those that could not be, and why. */
  failed: { name: string; detail: string }[];
}

/** One that cannot be changed costs no other its change. */
export async function changeEach(
  names: readonly string[],
  change: (name: string) => Promise<unknown>,
): Promise<BulkChange> {
  const result: BulkChange = { changed: [], failed: [] };
  const rest = [...names];
  const work = async (): Promise<void> => {
    for (let name = rest.shift(); name !== undefined; name = rest.shift())
      try {
        await change(name);
        result.changed.push(name);
      } catch (error) {
        const { title, detail = title } = problemOf(error);
        result.failed.push({ name, detail });
      }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { changed: result.changed.sort(), failed: result.failed.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
