/** Characters of the JSON of a payload that a run's record keeps. */
const LONGEST_PAYLOAD = 256 * 1_024;

export function isKept(payload: unknown): boolean {
  return JSON.stringify(payload).length <= LONGEST_PAYLOAD;
}
