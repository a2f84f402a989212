import { quoted } from '../../core/text/visible.js';
import { shown } from '../../modules/input/input.js';
import { type KeyPath } from './located-yaml.js';

/** What stands below these keys may be a secret: variables, arguments, what checks send. */
const MAY_BE_SECRET = new Set(['env', 'command', 'args', 'secrets', 'checks']);

/** A name, a number, a path: not a URL with a password in it, no `KEY=value`, nothing long. */
const PLAIN = /^[\w ./-]{1,64}$/;

/** Whether an error may quote the value that stands there. What is in a file that is no fleet file is nobody's business. */
export function mayBeShown(path: KeyPath, value: unknown, isFleet: boolean): boolean {
  if (!isFleet || path.some((step) => MAY_BE_SECRET.has(String(step)))) return false;
  return typeof value !== 'string' || PLAIN.test(value);
}

/** The message without that value, and without the key itself where that may hold a secret, such as `TOKEN=hunter2`. */
export function withoutSecrets(message: string, path: KeyPath, value: unknown, isFleet: boolean): string {
  const key = path.at(-1);
  let text = message;
  if (typeof value === 'string' && !mayBeShown(path, value, isFleet))
    text = without(text, value, 'this text');
  if (typeof key === 'string' && !PLAIN.test(key)) text = without(text, key, 'this key');
  return text;
}

/** A step of a key path, as an error shows it. */
export function shownStep(step: PropertyKey): string {
  if (typeof step === 'number') return `[${step}]`;
  const key = String(step);
  if (/^[\w-]+$/.test(key)) return `.${key}`;
  return PLAIN.test(key) ? `[${quoted(key, 64)}]` : '[…]';
}

/** However messages quote: as the inputs' own words do, as JSON, or as a duration does. */
function without(message: string, secret: string, instead: string): string {
  return [shown(secret), JSON.stringify(secret), `'${secret}'`].reduce(
    (text, quote) => text.split(quote).join(instead),
    message,
  );
}
