/** Replaces what differs from run to run (UUIDs, TypeIDs, numbers) by `…`, so that errors of one kind have one text. */
export function withoutNumbers(text: string): string {
  return text
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-z])[0-9a-z]{26}(?![0-9a-z])/gi, '…')
    .replace(/\d+/g, '…');
}
