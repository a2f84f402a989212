import { z } from 'zod';
import { unknownOption } from '../../core/text/option-names.js';
import { quoted } from '../../core/text/visible.js';
import { InvalidInputError } from './input.errors.js';
import { lostKeyOrDepth, unstorableTexts } from './input-walk.js';

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;

/** A name that people give: short, lower case, safe in a host name, a file name and a log line. */
export const name = z.string({ error: 'expected a name' }).regex(NAME, {
  error: ({ input }) =>
    `${shown(input)} is no name: use 1 to 63 of a-z, 0-9, ".", "_" and "-", with a letter or digit at both ends`,
});

/**
 * The value in the shape of the schema.
 * @throws InvalidInputError naming every fault and where it is.
 */
export function parseInput<S extends z.ZodType>(what: string, schema: S, value: unknown): z.output<S> {
  const fault = lostKeyOrDepth(value);
  if (fault) throw new InvalidInputError(what, [fault]);
  const parsed = schema.safeParse(value, { error: unknownKeys });
  if (parsed.success) {
    const faults = unstorableTexts(parsed.data);
    if (faults.length === 0) return parsed.data;
    throw new InvalidInputError(what, faults);
  }
  throw new InvalidInputError(what, parsed.error.issues.flatMap(faultsOf));
}

/** One line for each key: an issue has all keys of one object. */
const unknownKeys: z.core.$ZodErrorMap = ({ code, keys, inst }) => {
  if (code !== 'unrecognized_keys') return undefined;
  const known = Object.keys((inst as z.ZodObject).shape);
  return (keys as string[]).map((key) => unknownOption(key, known)).join('\n');
};

function faultsOf(issue: z.core.$ZodIssue): string[] {
  const { path, message } = issue;
  if (issue.code !== 'unrecognized_keys') return [path.length ? `${path.join('.')}: ${message}` : message];
  const lines = message.split('\n');
  return issue.keys.map((key, index) => `${[...path, key].join('.')}: ${lines[index]}`);
}

/** The value as an error message may show it: quoted, on one line, all of it visible, cut at 64 characters. */
export function shown(value: unknown): string {
  return quoted(value, 64);
}
