/** A payload that cannot be stored, so that no replica could run it. */
export class InvalidPayloadError extends Error {
  static readonly httpStatus = 400;
  override readonly name = 'InvalidPayloadError';

  constructor(
    /** Name of the worker. */
    readonly worker: string,
    /** What is wrong, and the fix. */
    readonly reason: string,
  ) {
    super(`This payload cannot be given to "${worker}": ${reason}`);
  }
}

/**
 * Levels of nesting. PostgreSQL's JSON parser fails somewhat below 10,000, by its stack; no useful payload comes near
 * 200.
 */
const DEEPEST = 200;

/**
 * A NUL character or half a surrogate pair, as `JSON.stringify` escapes them. An even number of backslashes comes before
 * it; with an odd number it is the text of an escape.
 */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/;

/**
 * A payload as its run gets it on every replica: its JSON, parsed.
 * @throws InvalidPayloadError when it has no JSON, or one that PostgreSQL can never store
 */
export function jsonPayload(worker: string, payload: unknown): unknown {
  if (payload === undefined) return undefined;
  const json = jsonOf(worker, payload);
  const [, unstorable] = UNSTORABLE.exec(json) ?? [];
  if (unstorable !== undefined)
    throw new InvalidPayloadError(
      worker,
      `${unstorable === '0000' ? 'a text in it has a NUL character' : `a text in it has half a character (\\u${unstorable})`}, which PostgreSQL cannot store: remove it`,
    );
  if (deeperThan(DEEPEST, json))
    throw new InvalidPayloadError(worker, `it is nested more than ${DEEPEST} levels deep: make it flatter`);
  return JSON.parse(json);
}

function jsonOf(worker: string, payload: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(payload);
  } catch (error) {
    throw new InvalidPayloadError(
      worker,
      error instanceof RangeError
        ? `it is nested too deep: make it flatter`
        : `it cannot be written as JSON (${(error as Error).message}): give plain values`,
    );
  }
  if (json === undefined)
    throw new InvalidPayloadError(worker, `a ${typeof payload} is no JSON: give plain values`);
  return json;
}

function deeperThan(deepest: number, json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '[' || character === '{') {
      if (++depth > deepest) return true;
    } else if (character === ']' || character === '}') depth--;
  }
  return false;
}
