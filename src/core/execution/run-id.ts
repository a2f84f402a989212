import { randomUUID } from 'node:crypto';

/** A UUID, as a flat string. */
export function newRunId(): string {
  const id = randomUUID();
  // Node concatenates it from twenty parts, and V8 keeps all of them, 490 bytes instead of 70, until the string is
  // first read. The comparison reads it, and the compiler cannot remove it.
  return id[0] === '-' ? '' : id;
}
