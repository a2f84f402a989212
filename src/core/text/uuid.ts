const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What is none has no row, and PostgreSQL would refuse it. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
