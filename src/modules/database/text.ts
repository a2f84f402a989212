const LONGEST = 2_000;

/** NUL characters and half surrogates: PostgreSQL refuses both, in `text` and in `jsonb`. */
const UNSTORABLE = /[\u0000\p{Surrogate}]/gu;

/** Foreign text (an error message, a program's output) as PostgreSQL can store it, cut at 2,000 characters. */
export function storableText(text: string): string {
  return text.slice(0, LONGEST).replace(UNSTORABLE, '');
}

/** The value as JSON for a `jsonb` column, every string and every key in it made storable. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'string') return part.replace(UNSTORABLE, '');
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    const keys = Object.keys(part);
    if (!keys.some((key) => key.search(UNSTORABLE) >= 0)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, one]) => [key.replace(UNSTORABLE, ''), one]));
  });
}
