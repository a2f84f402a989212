/** What a schema cannot be asked about: zod walks by recursion, and its maps lose a key `__proto__`. */

/** Levels of lists and objects in each other. Far above what anybody writes, far below where a stack ends. */
const DEEPEST = 100;
/** Characters of a path that are shown. */
const LONGEST_PATH = 200;

/** NUL characters and half surrogates: PostgreSQL refuses both. */
const UNSTORABLE = /[\u0000\p{Surrogate}]/u;
const UNSTORABLE_PROBLEM = 'holds a NUL character or half a surrogate pair';

interface Place {
  value: object;
  path: string;
  depth: number;
}

/** The first of these faults; undefined when there is none. Objects of a class are not looked into. */
export function lostKeyOrDepth(input: unknown): string | undefined {
  return walk(input, ({ path, depth, value }) => {
    if (depth > DEEPEST) return `${shownPath(path)}: is nested more than ${DEEPEST} levels deep`;
    if (Object.hasOwn(value, '__proto__')) return `${at(path, '__proto__')}: a key of this name is refused`;
    return undefined;
  });
}

/** Texts and keys that no database takes, each with its place; up to ten. */
export function unstorableTexts(input: unknown): string[] {
  if (typeof input === 'string') return UNSTORABLE.test(input) ? [UNSTORABLE_PROBLEM] : [];
  const faults: string[] = [];
  walk(input, ({ value, path }) => {
    for (const [key, part] of Object.entries(value)) {
      if (UNSTORABLE.test(key)) faults.push(`${shownPath(path)}${path && ': '}the key ${JSON.stringify(key)} ${UNSTORABLE_PROBLEM}`); // prettier-ignore
      else if (typeof part === 'string' && UNSTORABLE.test(part)) faults.push(`${shownPath(at(path, key))}: ${UNSTORABLE_PROBLEM}`); // prettier-ignore
      if (faults.length === 10) return true;
    }
    return undefined;
  });
  return faults;
}

/** Not by recursion. Ends with the first thing that `look` gives. */
function walk<T>(input: unknown, look: (place: Place) => T | undefined): T | undefined {
  const open: Place[] = isPlain(input) ? [{ value: input, path: '', depth: 1 }] : [];
  for (let place; (place = open.pop());) {
    const found = look(place);
    if (found !== undefined) return found;
    for (const [key, value] of Object.entries(place.value))
      if (isPlain(value)) open.push({ value, path: at(place.path, key), depth: place.depth + 1 });
  }
  return undefined;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  // What JSON.parse makes in another realm has another Object.prototype, as under Jest.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function at(path: string, key: string): string {
  return path ? `${path}.${key}` : key;
}

function shownPath(path: string): string {
  return path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path;
}
