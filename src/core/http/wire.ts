/** A camelCase record over HTTP: names in snake_case, dates as ISO 8601. Nested values are not changed. */
export type Wire<T> = {
  [K in keyof T as SnakeCase<K & string>]: T[K] extends Date | undefined ? string | undefined : T[K];
};

type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : S;

export function toWire<T extends object>(record: T): Wire<T> {
  const wire: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record))
    wire[wireName(key)] = value instanceof Date ? isoOf(value) : value;
  return wire as Wire<T>;
}

/** Texts of recent instants, most of which are shown repeatedly: formatting 1,500 of them takes a millisecond. */
const isoTexts = new Map<number, string>();
const MOST_ISO_TEXTS = 10_000;

/** ISO 8601. */
export function isoOf(date: Date): string {
  const ms = date.getTime();
  let iso = isoTexts.get(ms);
  if (iso === undefined) {
    if (isoTexts.size >= MOST_ISO_TEXTS) isoTexts.clear();
    isoTexts.set(ms, (iso = date.toISOString()));
  }
  return iso;
}

/**
 * Converted names of fields, of which there are few: converting each again took longer than the rest of a list of 500
 * workers.
 */
const wireNames = new Map<string, string>();

function wireName(key: string): string {
  let name = wireNames.get(key);
  if (name === undefined)
    wireNames.set(key, (name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)));
  return name;
}

/** A page of a list over HTTP. `next`: the parameter for the request of the next page; absent on the last one. */
export interface WirePage<T> {
  items: Wire<T>[];
  next?: string;
}

export function toWirePage<T extends object>({ items, next }: { items: T[]; next?: string }): WirePage<T> {
  return { items: items.map(toWire), ...(next !== undefined && { next }) };
}
