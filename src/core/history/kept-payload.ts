/** Longest JSON of a payload that is stored with its run, in characters. */
const LONGEST_PAYLOAD = 256 * 1_024;

export function isKept(payload: unknown): boolean {
  return JSON.stringify(payload).length <= LONGEST_PAYLOAD;
}
