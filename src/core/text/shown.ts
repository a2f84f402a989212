const UNREADABLE = 'a value that cannot be shown';

/** A property, or undefined when reading it throws: a getter, a revoked Proxy. */
export function property(of: unknown, key: PropertyKey): unknown {
  try {
    return (of as Record<PropertyKey, unknown> | null | undefined)?.[key];
  } catch {
    return undefined;
  }
}

/** Any value as text for people: strings as they are, several joined, objects as JSON. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    if (Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'string'))
      return value.join(', ');
    return (typeof value === 'object' && value !== null && JSON.stringify(value)) || String(value);
  } catch {
    return tagOf(value);
  }
}

/** For a cycle, a `toJSON` that throws, an object without prototype. */
function tagOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return UNREADABLE;
  }
}
