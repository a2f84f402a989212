import { shownDuration } from '../core/text/shown-duration.js';
import { visible } from '../core/text/visible.js';

/** Characters of a cell: of longer texts the end is left out. */
const WIDEST = 80;

/** What a command says: for people, or JSON for programs. */
export class Output {
  constructor(
    /** Whether only JSON may go to stdout. */
    readonly json: boolean,
    private readonly stdout: NodeJS.WritableStream,
    private readonly stderr: NodeJS.WritableStream & { isTTY?: boolean },
  ) {}

  /** A line for people, from texts that may be anybody's. */
  line(text: string): void {
    this.stdout.write(`${safe(text)}\n`);
  }

  /** Text that is our own, such as SQL, as it is. */
  raw(text: string): void {
    this.stdout.write(text);
  }

  data(value: unknown): void {
    this.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** One value in one line: for what goes on and on. */
  record(value: unknown): void {
    this.stdout.write(`${JSON.stringify(value)}\n`);
  }

  table(head: readonly string[], rows: readonly (readonly (string | number | undefined)[])[]): void {
    const cells = [head, ...rows].map((row) => row.map((cell) => cut(safe(String(cell ?? '-')))));
    const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
    for (const row of cells)
      this.stdout.write(
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
      );
  }

  /** Names and values, one a line; those without a value are left out. */
  facts(facts: Readonly<Record<string, unknown>>): void {
    const shown = Object.entries(facts).filter(([, value]) => value !== undefined && value !== '');
    const width = Math.max(...shown.map(([name]) => name.length));
    for (const [name, value] of shown)
      this.line(`${name.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  }

  /** Beside the result, such as progress. */
  note(text: string): void {
    this.stderr.write(`${safe(text)}\n`);
  }

  /** The same line anew, in a terminal; nothing elsewhere. */
  progress(text: string): void {
    if (this.stderr.isTTY) this.stderr.write(`\r\u001b[K${cut(safe(text))}`);
  }

  /** Takes the line of `progress` away. */
  progressEnds(): void {
    if (this.stderr.isTTY) this.stderr.write('\r\u001b[K');
  }
}

/** Errors, names and logs are anybody's text: what a terminal would obey is shown as what it is. Lines stay lines. */
export function safe(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

function cut(text: string): string {
  const line = text.replaceAll('\n', ' ');
  return line.length > WIDEST ? `${line.slice(0, WIDEST - 1)}…` : line;
}

export function ago(instant: string | undefined, now = Date.now()): string | undefined {
  return instant === undefined ? undefined : `${wholeSeconds(now - Date.parse(instant))} ago`;
}

export function ahead(instant: string | undefined, now = Date.now()): string | undefined {
  return instant === undefined ? undefined : `in ${wholeSeconds(Date.parse(instant) - now)}`;
}

/** Of a distance from now, parts of a second tell nobody anything. */
function wholeSeconds(ms: number): string {
  return shownDuration(Math.max(0, Math.round(ms / 1_000)) * 1_000).replace('0 ms', '0 s');
}
