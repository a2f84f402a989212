import { shown } from './shown.js';

/** Control characters, characters without width or that change the direction of text, and unassigned code points. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]/gu;

/**
 * Escapes invisible characters as JSON does, such as `\u202e`: in a terminal or a log they reorder or hide the text
 * around them.
 */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** A value in quotes (a number without), cut at `longest` characters, with invisible characters escaped. Never throws. */
export function quoted(value: unknown, longest: number): string {
  const text = typeof value === 'number' ? String(value) : (jsonOf(value) ?? shown(value));
  // Half of a surrogate pair at the cut is escaped too.
  return visible(text.length > longest ? `${text.slice(0, longest - 1)}…` : text);
}

/** Undefined where there is none, such as of a BigInt, a cycle or a function. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
