/**
 * An array as PostgreSQL reads it. `pg` writes one as well, and looks at each item for what it could be: of sixteen columns of a thousand
 * results that took as long as the statement.
 */
export function arrayOf(items: readonly (string | number | null | undefined)[]): string {
  let text = '{';
  for (const item of items) {
    if (text.length > 1) text += ',';
    if (item === null || item === undefined) text += 'NULL';
    else if (typeof item === 'number') text += item;
    else text += `"${SPECIAL.test(item) ? item.replace(EVERY_SPECIAL, '\\$&') : item}"`;
  }
  return `${text}}`;
}

const SPECIAL = /["\\]/;
const EVERY_SPECIAL = /["\\]/g;
