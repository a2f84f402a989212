const LONGEST = 100;

/** A value as an error begins with it: a text in single quotes; of a long one the start. Never throws. */
export function named(value: unknown): string {
  const text = textOf(value);
  const start = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  return typeof value === 'string' ? `'${start}'` : start;
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    // An object without prototype.
    return Object.prototype.toString.call(value);
  }
}
