const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Other texts identify no row, and PostgreSQL would refuse them. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
