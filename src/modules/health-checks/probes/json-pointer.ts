/** Whether it is one by RFC 6901: empty, or each part begun by `/`, with `~` only as `~0` and `~1`. */
export function isJsonPointer(pointer: string): boolean {
  return /^(?:\/(?:[^~/]|~[01])*)*$/u.test(pointer);
}

/** What is at that place of a JSON document; undefined when there is no such place. */
export function atPointer(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
