const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * One value in the text format of COPY: NULL for `null` and `undefined`, dates as instants, all else as its text.
 * @throws RangeError for an invalid date
 * @throws TypeError for an object: how it is to be stored is for the caller to say
 */
export function copyText(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (typeof value === 'string')
    return /[\\\n\r\t]/.test(value) ? value.replace(/[\\\n\r\t]/g, (one) => ESCAPES[one]!) : value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (value instanceof Date) return value.toISOString();
  // Under Jest a date may be of another realm.
  if (Object.prototype.toString.call(value) === '[object Date]') return (value as Date).toISOString();
  throw new TypeError(`A column cannot hold this: ${typeof value}`);
}
