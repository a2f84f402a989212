import { messageOf } from '../../core/text/describe-error.js';

/** JSON of a row; the text itself where somebody wrote what is none, so that one such row spoils no list. */
export function storedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What the row of a schedule says whose timing cannot be used. */
export function unreadableTiming({ key }: { readonly key: string }, error: unknown): string {
  return `The timing of schedule "${key}" cannot be used: ${messageOf(error)}. Write the schedule again`;
}
