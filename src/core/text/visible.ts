/** Control characters, those that turn the direction of text or have no width, and what is no character yet. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]/gu;

/**
 * The text with what cannot be seen written as JSON escapes it, such as `\u202e`: in a terminal or a log such characters turn
 * or hide what stands around them.
 */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** A value in quotes and visible, cut at this many characters. */
export function quoted(value: unknown, longest: number): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  // Half of a pair at the cut is seen as what it is.
  return visible(text.length > longest ? `${text.slice(0, longest - 1)}…` : text);
}
