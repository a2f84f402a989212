import { z } from 'zod';
import { name as givenName, shown } from '../../modules/input/input.js';
import { didYouMean } from './problem-wording.js';

/** What the rules of a fleet file are made of. */

export const HALF = 'has half of a surrogate pair (such as \\ud800 alone), which is no character: remove it';

/** PostgreSQL takes no text with half a pair in it, and no program an argument. */
export function isWhole(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

export const text = z
  .string()
  .refine((value) => !value.includes('\0'), 'has a NUL character: no process can be given one')
  .refine(isWhole, HALF);

/** Tenants, workloads and the rest are named by the rules of the services that store them. */
export const name = z.string().pipe(givenName);

/** A check across keys that also runs when single keys are wrong; it must therefore expect anything in them. */
export const always = { when: () => true };

/** A map that knows all its keys. Unknown ones are one issue with a line of message for each. */
export function mapping<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key${didYouMean(key, Object.keys(shape))}`).join('\n')
        : undefined,
  });
}

/** A map of the user's own keys. The schema's own would lose one that every JavaScript object has by nature. */
export function record<K extends z.ZodType<string>, V extends z.ZodType>(key: K, value: V) {
  return z
    .any()
    .superRefine((map, context) => {
      if (read(map, '__proto__') !== undefined)
        context.addIssue({ code: 'custom', path: ['__proto__'], message: 'cannot be a key: choose another' });
    })
    .pipe(z.record(key, value));
}

/** A list whose items differ in each of those keys. */
export function listOf<T extends z.ZodType>(item: T, ...uniqueKeys: string[]) {
  return z.array(item).superRefine((items: unknown, context) => {
    if (!Array.isArray(items)) return;
    for (const key of uniqueKeys) {
      const first = new Map<unknown, number>();
      items.forEach((item: unknown, index) => {
        const value = read(item, key);
        if (typeof value !== 'string') return;
        if (first.has(value)) {
          const message = `${shown(value)} is taken by the item [${first.get(value)}] of the same list: choose another`;
          context.addIssue({ code: 'custom', path: [index, key], message });
        } else first.set(value, index);
      });
    }
  }, always);
}

export function read(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
