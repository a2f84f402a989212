const LONGEST = 2_000;

/** NUL characters and half surrogates: PostgreSQL refuses both, in `text` and in `jsonb`. */
const UNSTORABLE = /[\u0000\p{Surrogate}]/gu;

/** Foreign text (an error message, a program's output) as PostgreSQL can store it, cut at 2,000 characters. */
export function storableText(text: string): string {
  return text.slice(0, LONGEST).replace(UNSTORABLE, '');
}

/** The value as JSON for a `jsonb` column, every string in it made storable. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'string' ? part.replace(UNSTORABLE, '') : part,
  );
}
