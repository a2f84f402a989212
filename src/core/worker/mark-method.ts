/** The arguments that a decorator of a method gets. */
export type Decorated = [
  target: object,
  key: string | symbol,
  descriptor: { readonly value?: unknown } | undefined,
];

/**
 * Keeps the metadata of a decorator: on the method, where discovery looks for it, and beside it on the class, by which
 * discovery notices that another decorator has put another function in its place.
 * @param decorator its name, such as `@Interval`
 * @throws TypeError for what is no method, or has such metadata already
 */
export function markMethod(
  metadataKey: symbol,
  metadata: object,
  decorator: string,
  [target, key, descriptor]: Decorated,
): void {
  if (typeof key === 'object')
    throw new TypeError(
      `${decorator}: set "experimentalDecorators": true in the tsconfig.json, as decorators of NestJS need it`,
    );
  const place = placeOf(target, key);
  const method = descriptor?.value;
  if (typeof method !== 'function')
    throw new TypeError(
      `${decorator} decorates ${place}, which is no method: put it on one, as in async report(context) { … }`,
    );
  if (Reflect.hasOwnMetadata(metadataKey, method))
    throw new TypeError(
      `${decorator} decorates ${place} a second time, and only one of the two would have an effect: ` +
        'make a second method that calls the first',
    );
  Reflect.defineMetadata(metadataKey, metadata, method);
  Reflect.defineMetadata(metadataKey, metadata, target, key);
}

/**
 * @param args what the decorator was called with
 * @throws TypeError for a decorator without parentheses, which compilers that only strip types let pass
 */
export function requireParentheses(example: string, [first, second]: readonly unknown[]): void {
  const isTarget = (typeof first === 'object' && first !== null) || typeof first === 'function';
  if (isTarget && (typeof second === 'string' || typeof second === 'symbol'))
    throw new TypeError(`A decorator of ${placeOf(first, second)} has no parentheses: write ${example}`);
}

function placeOf(target: object, key: string | symbol | undefined): string {
  const { name } = typeof target === 'function' ? target : target.constructor;
  return key === undefined ? `the class ${name}` : `${name}.${String(key)}`;
}
