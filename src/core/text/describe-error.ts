import { types } from 'node:util';
import { property, shown } from './shown.js';
import { storableText } from './storable-text.js';

/** What was thrown, as it is recorded. */
export interface RunError {
  /** Class of the error; absent when something else was thrown. */
  name?: string;
  /** At most 2,000 characters. */
  message: string;
  /** At most 8,000 characters; of causes and gathered errors 2,000. */
  stack?: string;
  /** Its `cause`. With all causes and gathered errors a record has at most 20 errors, 8 deep. */
  cause?: RunError;
  /** The errors of an `AggregateError`: the first 10, then an entry whose message says how many more there are. */
  errors?: RunError[];
}

const LONGEST_MESSAGE = 2_000;
const LONGEST_STACK = 8_000;
const LONGEST_INNER_STACK = 2_000;
const MOST_ERRORS = 20;
const DEEPEST = 8;
const MOST_GATHERED = 10;

/**
 * Describes any thrown value as a record that every store accepts. Never throws: any property of what a worker throws
 * may be of any type, or a getter that throws.
 */
export function describeError(thrown: unknown): RunError {
  return new Description().of(thrown, 0);
}

/** The message of an error and of its causes in one line of at most 2,000 characters. Never throws. */
export function messageOf(thrown: unknown): string {
  return summaryOf(describeError(thrown));
}

/** `messageOf` with the class in front, for errors of foreign code: `TypeError: fetch failed: connect ECONNREFUSED`. */
export function classAndMessageOf(thrown: unknown): string {
  const error = describeError(thrown);
  return error.name === undefined ? summaryOf(error) : `${error.name}: ${summaryOf(error)}`;
}

/** A described error and its causes in one line of at most 2,000 characters: `fetch failed: connect ECONNREFUSED`. */
export function summaryOf(error: RunError): string {
  return storableText(summary(error), LONGEST_MESSAGE);
}

/** The stack and the stacks of its causes, as Node prints them; undefined when there is none. */
export function stackOf({ stack, cause, errors = [] }: RunError): string | undefined {
  const reasons = [cause, ...errors].flatMap((reason) =>
    reason ? [`Caused by: ${stackOf(reason) ?? reason.message}`] : [],
  );
  return stack === undefined && reasons.length === 0
    ? undefined
    : [...(stack === undefined ? [] : [stack]), ...reasons].join('\n');
}

function summary({ message, cause, errors = [] }: RunError): string {
  const inner = [cause, ...errors].flatMap((reason) => (reason ? [summary(reason)] : []));
  // A wrapping error often repeats the message of its cause.
  const news = [...new Set(inner)].filter((reason) => !message.includes(reason));
  return news.length > 0 ? `${message}: ${news.join('; ')}` : message;
}

class Description {
  private readonly seen = new Set<unknown>();

  of(thrown: unknown, depth: number): RunError {
    this.seen.add(thrown);
    if (!isError(thrown)) return { message: storableText(shown(thrown), LONGEST_MESSAGE) };
    const name = nameOf(thrown);
    const stack = property(thrown, 'stack');
    const cause = this.cause(thrown, depth);
    const errors = this.errors(thrown, depth);
    return {
      name: storableText(name, LONGEST_MESSAGE),
      message: storableText(ownMessage(thrown) ?? name, LONGEST_MESSAGE),
      ...(typeof stack === 'string' &&
        stack && { stack: storableText(stack, depth === 0 ? LONGEST_STACK : LONGEST_INNER_STACK) }),
      ...(cause && { cause }),
      ...(errors.length > 0 && { errors }),
    };
  }

  private cause(thrown: object, depth: number): RunError | undefined {
    const cause = property(thrown, 'cause');
    return cause === undefined || cause === null ? undefined : this.inner(cause, depth);
  }

  private errors(thrown: object, depth: number): RunError[] {
    const gathered = property(thrown, 'errors');
    if (!isArray(gathered)) return [];
    const { length } = gathered;
    const described: RunError[] = [];
    for (let i = 0; i < Math.min(length, MOST_GATHERED); i++) {
      const inner = this.inner(property(gathered, i), depth);
      if (inner) described.push(inner);
    }
    const more = length - described.length;
    return more > 0 && described.length > 0 ? [...described, { message: `${more} more` }] : described;
  }

  /** Undefined beyond the limits, and for an error that was described already: causes may form a cycle. */
  private inner(thrown: unknown, depth: number): RunError | undefined {
    if (depth + 1 >= DEEPEST || this.seen.size >= MOST_ERRORS || this.seen.has(thrown)) return undefined;
    return this.of(thrown, depth + 1);
  }
}

/** Accepts errors of any realm: under Jest the errors that Node makes are of another one. */
export function isError(value: unknown): value is object {
  if (types.isNativeError(value)) return true;
  try {
    return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value;
  } catch {
    return false;
  }
}

function isArray(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function nameOf(error: object): string {
  const names = [property(error, 'name'), property(property(error, 'constructor'), 'name')];
  return names.find((name): name is string => typeof name === 'string' && name !== '') ?? 'Error';
}

/** The message; for an error without one the code, as of Node's error when no address of a host can be connected to. */
function ownMessage(error: object): string | undefined {
  const [message, code] = [property(error, 'message'), property(error, 'code')];
  if (message !== undefined && message !== null && message !== '') return shown(message);
  return typeof code === 'string' && code !== '' ? code : undefined;
}
