import { problemOf } from '../http/problem.js';

/** Most changes at a time: with coordination each is a statement. */
const AT_ONCE = 8;

/** The result of a change of many workers. */
export interface BulkChange {
  /** Names of the changed workers. */
  changed: string[];
  /** Workers that could not be changed, with the errors. */
  failed: { name: string; detail: string }[];
}

/** A worker that cannot be changed does not prevent the change of the others. */
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
