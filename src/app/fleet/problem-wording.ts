import { type z } from 'zod';
import { shown } from '../../modules/input/input.js';
import { mayBeShown } from './hidden-values.js';
import { nearest } from '../../core/text/nearest.js';

/** A text where one of these should be is anything, and no value with a slip in it. */
const NESTED = new Set(['array', 'object', 'record']);

/**
 * Words for what zod finds by itself; pass it as `error` of the parse. Shows no value that may be a secret.
 * @param isFleet whether the file is one: of another nothing is quoted
 */
export function explain(issue: z.core.$ZodRawIssue, isFleet = true): string | undefined {
  const { input } = issue;
  const quotes =
    typeof input !== 'object' &&
    !(issue.code === 'invalid_type' && NESTED.has(issue.expected)) &&
    mayBeShown(issue.path ?? [], input, isFleet);
  const value = quotes ? shown(input) : kindOf(input);
  switch (issue.code) {
    case 'invalid_type': {
      const expected = EXPECTED[issue.expected] ?? issue.expected;
      if (input === undefined) return `is missing: give ${expected}`;
      if (input === null) return `is empty: give ${expected}`;
      const quote = issue.expected === 'string' && typeof input !== 'object';
      return `${value} is not ${expected}${quote ? ': put it in quotes' : ''}`;
    }
    case 'too_small':
      return `${value} is too small: at least ${issue.minimum}`;
    case 'too_big':
      return `${value} is too large: at most ${issue.maximum}`;
    case 'invalid_value':
      return `${value} is unknown${didYouMean(String(input), issue.values.map(String))}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

/** The end of a message about a word that nobody knows: what was probably meant, else what there is. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  if (meant) return `: did you mean ${meant}?`;
  return `: ${candidates.length > 0 ? `choose from ${candidates.join(', ')}` : 'declare it first'}`;
}

const EXPECTED: Record<string, string | undefined> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map (key: value)',
  record: 'a map (key: value)',
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'number' ? 'a number' : 'true or false';
}
