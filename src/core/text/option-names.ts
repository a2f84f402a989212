import { nearest } from './nearest.js';
import { shown } from './shown.js';

/** Every option of a type: the compiler finds one that is missing. */
export type OptionNames<T> = { readonly [Name in keyof T]-?: true };

/**
 * Finds options that nobody reads. The types refuse `timeOut`, but not in JavaScript, in a variable, or in what comes
 * from a configuration: there it would silently have no effect.
 * @param owner what has these options; each sentence begins with it
 * @returns what is wrong, a sentence for each
 */
export function unknownOptions(
  given: unknown,
  names: Readonly<Record<string, true>>,
  owner?: string,
): string[] {
  const prefix = owner === undefined ? '' : `${owner}: `;
  if (!isOptions(given)) return [`${prefix}${kindOf(given)} is no object with options: give one`];
  return Object.entries(given)
    .filter(([name, value]) => value !== undefined && !Object.hasOwn(names, name))
    .map(([name]) => `${prefix}${name}: ${unknownOption(name, Object.keys(names))}`);
}

/** What is wrong with an option that nobody reads. */
export function unknownOption(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `unknown option: ${meant ? `did you mean ${meant}?` : `choose from ${known.join(', ')}`}`;
}

/**
 * @param owner as of `unknownOptions`
 * @throws TypeError for the first option that nobody reads
 */
export function requireKnown(given: unknown, names: Readonly<Record<string, true>>, owner?: string): void {
  const [problem] = unknownOptions(given, names, owner);
  if (problem !== undefined) throw new TypeError(problem);
}

export function isOptions<T>(given: T): given is T & Record<string, unknown> {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

/**
 * An option that is true or false.
 * @throws Error for anything else: the text "false" of an environment variable would count as true
 */
export function flag(given: boolean): boolean {
  if (typeof given === 'boolean') return given;
  throw new Error(
    `${JSON.stringify(shown(given))} (${typeof given}) is neither true nor false: give one of them`,
  );
}

/** What it is, without its value, which may be a secret such as a connection string. */
export function kindOf(given: unknown): string {
  if (given === undefined || given === null) return String(given);
  if (Array.isArray(given)) return 'a list';
  if (typeof given === 'string') return 'a text';
  return typeof given === 'object' ? 'an object' : `a ${typeof given}`;
}
