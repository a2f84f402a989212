/**
 * Text that every store accepts, cut at `longest` characters. PostgreSQL refuses NUL and half of a surrogate pair, in
 * `text` and in `jsonb`, and with one such value the whole statement: NUL is removed, the half becomes U+FFFD.
 */
export function storableText(text: string, longest: number): string {
  return cut(text, longest).replaceAll('\0', '').toWellFormed();
}

/** Never cuts between the halves of a surrogate pair. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const last = text.charCodeAt(longest - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? longest - 1 : longest);
}
