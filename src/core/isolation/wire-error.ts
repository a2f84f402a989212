import { describeError, isError, type RunError } from '../text/describe-error.js';
import { property } from '../text/shown.js';

/**
 * An error on its way between threads or processes. Structured clone alone would keep no name but those of JavaScript's
 * own errors, and would refuse an error with a function among its properties.
 */
export interface WireError extends RunError {
  /** Its own properties besides, such as `code`: those that have a short JSON. */
  own?: Record<string, unknown>;
}

const DESCRIBED = new Set(['name', 'message', 'stack', 'cause', 'errors']);
const MOST_PROPERTIES = 20;
/** Characters of its JSON. */
const LONGEST_PROPERTY = 2_000;

/** Never throws. */
export function toWire(thrown: unknown): WireError {
  const own = ownProperties(thrown);
  return { ...describeError(thrown), ...(Object.keys(own).length > 0 && { own }) };
}

/** What was thrown, as it can be thrown here: an error with the name, message, stack and causes; else its text. */
export function fromWire({ own, ...described }: WireError): unknown {
  const revived = revive(described);
  return own && typeof revived === 'object' ? Object.assign(revived, own) : revived;
}

function revive({ name, message, stack, cause, errors }: RunError): Error | string {
  if (name === undefined) return message;
  const error = new Error(message, cause && { cause: revive(cause) });
  set(error, 'name', name);
  set(error, 'stack', stack);
  if (errors) set(error, 'errors', errors.map(revive));
  return error;
}

/** Not enumerable, as on errors that were thrown here. */
function set(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true });
}

function ownProperties(thrown: unknown): Record<string, unknown> {
  const own: Record<string, unknown> = {};
  if (!isError(thrown)) return own;
  for (const key of keysOf(thrown)) {
    if (Object.keys(own).length >= MOST_PROPERTIES) break;
    const value = DESCRIBED.has(key) ? undefined : plain(property(thrown, key));
    if (value !== undefined) own[key] = value;
  }
  return own;
}

function keysOf(thrown: object): string[] {
  try {
    return Object.keys(thrown);
  } catch {
    // A proxy.
    return [];
  }
}

/** Undefined for what has no JSON, or a long one. */
function plain(value: unknown): unknown {
  try {
    const json = JSON.stringify(value) as string | undefined;
    return json === undefined || json.length > LONGEST_PROPERTY ? undefined : (JSON.parse(json) as unknown);
  } catch {
    return undefined;
  }
}
